"""One wave's life: start, retry, observation, enrichment, verdict, and the questions about it."""
