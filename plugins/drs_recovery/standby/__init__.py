"""A standby Airflow takes over what another installation ran."""

from drs_recovery.standby.airflow_api import open_airflow
from drs_recovery.standby.takeover import Outcome, Takeover, Wanted, wanted_of

__all__ = ["Outcome", "Takeover", "Wanted", "open_airflow", "wanted_of"]
