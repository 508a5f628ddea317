"""
The Airflow plugin: a declaration.

Airflow finds it by the entry point of the installed package, or by the file ``drs_recovery_plugin.py`` in its
plugins folder.
"""

# ruff: noqa: RUF012  # the base class declares these lists as they are here

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

# The DAG builder is not used here, see below.
from drs_recovery import listener
from drs_recovery.service_models import read_ahead
from drs_recovery.web import Console, FreshQuestions, SharedDagGuard

# Files of the console's folder "static"; Airflow's UI shows one or the other.
ICONS = {"icon": "recovery/static/icon/icon.svg", "icon_dark_mode": "recovery/static/icon/icon-dark.svg"}

# Airflow's scheduler and DAG processor load plugins before they fork a process for each task and each parse:
# what is here, these need not import and read again, which took more than half of the CPU time of a task.
# EC2's description is left out: it would take 15 MB of every process, and one task of a wave needs it.
read_ahead("dynamodb", "drs", "sts")


class DrsRecoveryPlugin(AirflowPlugin):
    """Makes the package ``drs_recovery`` known to Airflow, and shows the recovery console in its UI."""

    name = "drs_recovery"
    listeners = [listener]
    fastapi_apps = [{"app": Console(), "url_prefix": "/recovery", "name": "Recovery console"}]
    fastapi_root_middlewares = [
        {"middleware": FreshQuestions, "name": "Recovery questions"},
        {"middleware": SharedDagGuard, "name": "Rights to the executions that shared DAGs act on"},
    ]
    external_views = [
        {
            "name": "Recovery",
            # Without a slash in front: the UI may be served below a path.
            "href": "recovery/",
            "url_route": "recovery",
            "destination": "nav",
            "nav_top_level": True,
            **ICONS,
        },
        {
            "name": "Recovery",
            "href": "recovery/runs/{DAG_ID}/{RUN_ID}",
            "url_route": "recovery-execution",
            "destination": "dag_run",
            **ICONS,
        },
    ]
