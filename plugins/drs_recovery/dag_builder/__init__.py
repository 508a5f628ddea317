"""A DAG for each plan."""
