"""Recovery plans for AWS Elastic Disaster Recovery (DRS), run as Apache Airflow DAGs."""
