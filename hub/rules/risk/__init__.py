"""The risk rules (risk catalogue R01 onwards)."""
