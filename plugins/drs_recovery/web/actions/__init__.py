"""What people do to an execution: each action is a request to Airflow in the name of whoever acts."""
