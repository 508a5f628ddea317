"""Triggers: what waits in the triggerer. Data only; every state is in DRS and in the store."""
