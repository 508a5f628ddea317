"""The end of instances: what is asked for, what is due, and what nobody remembers."""
