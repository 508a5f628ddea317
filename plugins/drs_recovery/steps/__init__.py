"""Kinds of steps before and after a wave: one file a kind, found by their files; no Airflow, no boto3."""
