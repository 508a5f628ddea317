"""
The recovery console and its API, mounted by the Airflow plugin at ``/recovery``.

It reads the execution store, Airflow's public API (as the person who asks) and the plan files. What people do
here goes through Airflow's public API, too, so that Airflow checks their rights and keeps its audit log.
"""

# Airflow's own app in the scope of a request: the console takes its place there.
HOST_APP = "drs_recovery.host_app"
