"""Recovery plans: reading their files, and every rule that a plan keeps; neither Airflow nor AWS."""
