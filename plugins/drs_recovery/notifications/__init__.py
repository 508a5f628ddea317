"""What people and monitoring are told: messages, and metrics."""
