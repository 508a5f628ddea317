"""The execution store: what is on record of each execution, and the rules by which it changes."""
