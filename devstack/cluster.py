"""
What a cluster has beside one Airflow: a broker, two workers, two of each other process, a load balancer.

The workers are Celery's. The second one reads plan files of its own, copied when the cluster starts: in a
real cluster, too, a machine may be behind with its files.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from devstack.errors import NoClusterError
from devstack.layout import Layout
from devstack.state import StackState

BROKER, BALANCER, LATE_WORKER = "redis", "balancer", "worker-2"
SECOND_ONES = ("api-server-2", "scheduler-2", "triggerer-2", "worker", LATE_WORKER)

# Airflow's default is a day. What a dead worker had taken is delivered to the other one after this time; a
# task that runs for longer is delivered twice, and refused by Airflow the second time.
VISIBILITY_SECONDS = 60
# Tasks of one worker at a time: waiting ones are deferred and need none.
_CONCURRENCY = 4


def demand_programs() -> None:
    """
    Make sure that this machine can run a broker.

    :raises NoClusterError: it has no Redis.
    """
    if shutil.which("redis-server") is None:
        raise NoClusterError("there is no redis-server here: install Redis (apt-get install redis-server)")


def late_plans_dir(layout: Layout) -> Path:
    """Plan files of the worker that is behind."""
    return layout.home / "plans-of-worker-2"


def copy_plans(state: StackState) -> None:
    """Give the worker that will be behind the plan files of now."""
    shutil.copytree(state.settings.plans_dir, late_plans_dir(Layout(state.settings.home)))


def options(state: StackState) -> Mapping[str, str]:
    """Settings of Airflow, as ``SECTION__KEY``."""
    return {
        "CORE__EXECUTOR": "CeleryExecutor",
        "CELERY__BROKER_URL": f"redis://127.0.0.1:{state.broker_port}/0",
        "CELERY__RESULT_BACKEND": state.database_url.replace("postgresql+psycopg2", "db+postgresql"),
        "CELERY__WORKER_CONCURRENCY": str(_CONCURRENCY),
        "CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(VISIBILITY_SECONDS),
    }


def broker_arguments(state: StackState) -> tuple[str, ...]:
    """The command of a Redis server that keeps nothing."""
    return ("redis-server", "--port", str(state.broker_port), "--bind", "127.0.0.1", "--save", "")


def worker_arguments(name: str) -> tuple[str, ...]:
    """Arguments of ``airflow`` for a worker: each needs a name and a file of its process id."""
    return (
        "celery", "worker", "--celery-hostname", f"{name}@%h", "--pid", f"{name}.pid",
        "--skip-serve-logs", "--without-mingle", "--without-gossip",
    )  # fmt: skip
