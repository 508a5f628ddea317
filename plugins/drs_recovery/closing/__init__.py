"""The end of an execution, however it came: its outcome, and records that nobody closed."""
