"""A wave as DRS jobs, and capacity for them within the quotas."""
