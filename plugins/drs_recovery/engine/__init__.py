"""
What a recovery does, without Airflow's tasks: each module is one rule or one conversation with AWS.

Operators, sensor and trigger call these; hooks and store are called from here.
"""
