"""The Airflow plugin: a declaration."""

from __future__ import annotations

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from drs_recovery import listener


class DrsRecoveryPlugin(AirflowPlugin):
    """Makes the package ``drs_recovery`` known to Airflow."""

    name = "drs_recovery"
    listeners: ClassVar = [listener]
