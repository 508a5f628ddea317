"""Airflow notifiers of this package; a plan or the configuration can name any other."""
