"""
What one of Airflow's processes does with the DAG file of the plans, timed.

``python -m benchmarks.parsing_process`` does what the DAG processor does; with a DAG id, what a task does.
Both start anew each time, so that nothing is measured that an earlier look has left behind.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from devstack.layout import PROJECT

DAG_FILE = PROJECT / "dags" / "recovery_plans.py"


def main(dag_id: str | None) -> None:
    """Print the seconds of each step as JSON, and how many DAGs came out."""
    if dag_id:
        # As airflow.sdk's parsing context has it.
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
    seconds: dict[str, float] = {}
    _timed(seconds, "import of Airflow", _import_airflow)
    bag = _timed(seconds, "parse", _parse)
    if dag_id is None:
        _timed(seconds, "serialize", lambda: _serialize(bag))
    print(json.dumps({"seconds": seconds, "dags": len(bag.dags), "errors": bag.import_errors}))


def _timed(seconds: dict[str, float], step: str, action: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = action()
    seconds[step] = time.perf_counter() - began
    return result


def _import_airflow() -> None:
    """Import what a task's process has of Airflow and its providers, whatever the DAG file imports."""
    import airflow.dag_processing.dagbag
    import airflow.providers.amazon.aws.hooks.ec2
    import airflow.providers.standard.operators.hitl
    import airflow.sdk.execution_time.task_runner
    import airflow.serialization.serialized_objects  # noqa: F401


def _parse() -> Any:
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(dag_folder=str(DAG_FILE), bundle_path=DAG_FILE.parent, bundle_name="plans")


def _serialize(bag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
