"""The Airflow plugin: a declaration."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class DrsRecoveryPlugin(AirflowPlugin):
    """Makes the package ``drs_recovery`` known to Airflow."""

    name = "drs_recovery"
