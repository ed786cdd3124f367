"""Rules that say which authorities a declaration goes to."""
