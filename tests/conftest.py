"""
Settings of every test process, made before Airflow is imported for the first time.

Nothing of the user's Airflow or AWS configuration may reach a test, and no state may stay behind.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AWS_"))]:
    del os.environ[name]

# In the background of a script Ctrl-C is ignored, here and in all that a test starts: not what a user has.
signal.signal(signal.SIGINT, signal.default_int_handler)

airflow_home = Path(tempfile.mkdtemp(prefix="drs-recovery-tests-"))
atexit.register(shutil.rmtree, airflow_home, ignore_errors=True)

os.environ.update(
    AIRFLOW_HOME=str(airflow_home),
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    # For so long Airflow takes a DAG for what it was; here one DAG id is another plan in each test.
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="0",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{airflow_home}/airflow.db",
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(airflow_home / "logs"),
    AIRFLOW_CONN_AWS_DEFAULT="aws://",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
)
