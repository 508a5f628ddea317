"""Sensors: they judge, they start nothing."""
