"""Where Airflow finds the plugin if the folder ``plugins/`` is copied rather than the package installed."""

from drs_recovery.plugin import DrsRecoveryPlugin

__all__ = ["DrsRecoveryPlugin"]
