"""A sandbox authority that reads ``out.<authority>`` and answers by CloudEvents: tax, foreign exchange, market supervision, commerce."""
