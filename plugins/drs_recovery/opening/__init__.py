"""The opening of an execution: its options, its record, and what stands in its way."""
