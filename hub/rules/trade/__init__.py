"""The trade rules: limits, allowance and taxes of retail import."""
