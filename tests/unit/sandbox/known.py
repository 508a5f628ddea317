"""Servers of the demo account, and durations."""

DB_1, DB_2 = "s-1111111111111111a", "s-1111111111111111b"
WEB_1 = "s-3333333333333333a"
# Simulated seconds, longer than a drill of two Linux servers.
A_DRILL = 600.0
