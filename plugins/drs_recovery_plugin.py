"""The Airflow plugin: a declaration."""

from __future__ import annotations

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

# The DAG builder is not used here. Airflow's scheduler and DAG processor load plugins before they fork a
# process for each task and each parse: these need not import again what is there, 0.3 s of CPU each time.
from drs_recovery import dag_builder, listener  # noqa: F401
from drs_recovery.web.mount import Console

# Files of the console's folder "static"; Airflow's UI shows one or the other.
ICONS = {"icon": "recovery/static/icon/icon.svg", "icon_dark_mode": "recovery/static/icon/icon-dark.svg"}


class DrsRecoveryPlugin(AirflowPlugin):
    """Makes the package ``drs_recovery`` known to Airflow, and shows the recovery console in its UI."""

    name = "drs_recovery"
    listeners: ClassVar = [listener]
    fastapi_apps: ClassVar = [{"app": Console(), "url_prefix": "/recovery", "name": "Recovery console"}]
    external_views: ClassVar = [
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
