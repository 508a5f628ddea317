"""The local stack: a sandbox AWS and Airflow's four processes on this machine, and the demo drill."""
