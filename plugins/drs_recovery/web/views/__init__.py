"""What pages show, as pure functions of the record: no web framework, no Airflow, no I/O."""
