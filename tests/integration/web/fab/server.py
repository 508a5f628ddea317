"""
Airflow's API server with the FAB auth manager, its users and its roles: a process of its own.

``python -m tests.integration.web.fab.server`` with the environment that ``airflow.py`` here makes.
"""

from __future__ import annotations

import json
import socket
from typing import Any

import uvicorn
from airflow.api_fastapi.app import create_app
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.db import initdb
from airflow.utils.session import create_session

from drs_recovery.store.keys import TERMINATING_DAG
from tests.integration.runs import DAGS

PLANS = ("crm", "erp")

# Everyone's password is their name.
STANDARD_ROLES = {"admin": "Admin", "operator": "Op", "user": "User", "viewer": "Viewer"}

# Roles with rights on the runs of one DAG, as FAB's own DAG-level access gives them.
OWN_ROLES = {
    "crm-reader": [("can_read", "DAG:recover_crm"), ("can_read", "DAG Run:recover_crm")],
    "crm-actor": [
        *[(action, "DAG:recover_crm") for action in ("can_read", "can_edit")],
        *[(action, "DAG Run:recover_crm") for action in ("can_read", "can_edit", "can_create")],
        *[(action, "Task Instances") for action in ("can_read", "can_edit")],
        *[(action, "HITL Detail") for action in ("can_read", "can_edit")],
    ],
    "crm-cleaner": [
        *[(action, "DAG:recover_crm") for action in ("can_read", "can_edit")],
        *[(action, f"DAG:{TERMINATING_DAG}") for action in ("can_read", "can_edit")],
        *[
            (action, f"DAG Run:{dag_id}")
            for action in ("can_read", "can_edit", "can_create")
            for dag_id in ("recover_crm", TERMINATING_DAG)
        ],
    ],
    "nobody": [],
}


def make_users() -> dict[str, str]:
    """Make roles and users; the id of each user."""
    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        for name, rights in OWN_ROLES.items():
            role = manager.add_role(name)
            for action, resource in rights:
                manager.add_permission_to_role(role, manager.create_permission(action, resource))
        names = {**STANDARD_ROLES, **{name: name for name in OWN_ROLES}}
        users = {name: _user(manager, name, manager.find_role(role)) for name, role in names.items()}
        return {name: str(user.id) for name, user in users.items()}


def _user(manager: Any, name: str, role: Any) -> Any:
    return manager.add_user(name, name, "of FAB", f"{name}@example.org", role, password=name)


def make_dags() -> None:
    """Let Airflow know the DAGs of the plans, and the one that terminates for all of them."""
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        for plan_id in PLANS:
            session.merge(DagModel(dag_id=f"recover_{plan_id}", bundle_name="dags-folder"))
    bag = DagBag(
        str(DAGS / "terminate_recovery_instances.py"), bundle_name="dags-folder", load_op_links=False
    )
    sync_bag_to_db(bag, "dags-folder", None)


def main() -> None:
    """Serve on a free port, and say where."""
    initdb()
    users = make_users()
    make_dags()
    app = create_app()
    with socket.socket() as server_socket:
        server_socket.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{server_socket.getsockname()[1]}"
        print("fab ready", json.dumps({"url": address, "users": users}), flush=True)  # noqa: T201  # its answer
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[server_socket])


if __name__ == "__main__":
    main()
