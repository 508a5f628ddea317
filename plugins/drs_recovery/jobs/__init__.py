"""A wave as DRS jobs, and room for them within the quotas."""
