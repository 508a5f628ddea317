"""Operators: the steps of a recovery, in the order in which a DAG runs them."""
