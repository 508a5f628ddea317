"""What the pages share: formats, marks and drawings."""
