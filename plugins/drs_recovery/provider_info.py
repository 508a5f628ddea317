"""
Describe this package to Airflow as a provider: its name, and the options of ``[drs_recovery]``.

Every Airflow process reads this at its start, so nothing is imported here.
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow's provider manager asks for; :mod:`drs_recovery.settings` reads the options."""
    return {
        "package-name": "drs-recovery",
        "name": "Recovery plans for AWS Elastic Disaster Recovery",
        "description": "Runs recovery plans for AWS Elastic Disaster Recovery (DRS) as DAGs.",
        "config": {
            "drs_recovery": {
                "description": "Recovery plans for AWS Elastic Disaster Recovery.",
                "options": _OPTIONS,
            }
        },
    }


def _option(
    type_name: str, default: str | None, description: str, example: str | None = None
) -> dict[str, str | None]:
    return {
        "description": description,
        "type": type_name,
        "default": default,
        "example": example,
        "version_added": "0.1.0",
    }


_OPTIONS = {
    "executions_table": _option(
        "string",
        "dr-executions",
        "DynamoDB table that holds the execution records.",
    ),
    "aws_conn_id": _option(
        "string",
        "aws_default",
        "Connection that reaches the table. Plans name the connections of their servers.",
    ),
    "region": _option(
        "string",
        None,
        "Region of the table. Default: that of the connection.",
        "us-east-1",
    ),
    "installation": _option(
        "string",
        None,
        "Name of this Airflow among the installations that share the table. Default: generated once "
        "and stored as an Airflow Variable.",
        "vienna",
    ),
    "schedules": _option(
        "boolean",
        "True",
        "Whether plans run by their schedules. Off on a standby Airflow: plans run only when triggered.",
    ),
    "plans_dir": _option(
        "string",
        None,
        "Folder of the plan files, or several with commas between; relative paths lead from the folder of "
        "the DAG file. Default: include/plans beside the DAGs folder, and plans in it.",
        "/opt/airflow/include/plans",
    ),
    "console_base_url": _option(
        "string",
        None,
        "Base URL of the links in messages. Default: [api] base_url.",
        "https://airflow.example.com",
    ),
    "notifiers": _option(
        "string",
        None,
        "Notifiers for every plan: a JSON list as in notify.notifiers of a plan.",
        '[{"class": "my_company.TicketNotifier", "arguments": {"queue": "dr"}}]',
    ),
    "cloudwatch_metrics": _option(
        "boolean",
        "True",
        "Whether metrics are sent to CloudWatch.",
    ),
    "poll_interval": _option(
        "float",
        "30",
        "Usual seconds between two polls of running jobs, 0.01 to 3600. All waves of a triggerer "
        "share their polls.",
    ),
    "snapshot_reads_per_second": _option(
        "float",
        "5",
        "Most calls a second that read recovery snapshots in one account and Region, 0.1 to 100. The rate "
        "halves while AWS throttles.",
    ),
    "hold_drills_during_recovery": _option(
        "boolean",
        "False",
        "Whether drills start no job while a real recovery runs or waits in the same account and Region.",
    ),
    "termination_timeout": _option(
        "float",
        "3600",
        "Seconds after which terminate_recovery_instances gives up and fails, 1 to 604800.",
    ),
    "probe_hosts": _option(
        "string",
        None,
        "Host names and addresses that probes may reach beside recovered instances, separated by commas.",
        "status.example.com,10.0.0.53",
    ),
    "details_timeout": _option(
        "float",
        "600",
        "Seconds a launched server may lack its EC2 details before it counts as failed, 0 to 86400.",
    ),
    "task_defaults": _option(
        "string",
        None,
        "Where every task of these DAGs runs, a JSON object: queue, pool, pool_slots, executor, "
        "executor_config.",
        '{"queue": "dr", "pool": "dr"}',
    ),
}
