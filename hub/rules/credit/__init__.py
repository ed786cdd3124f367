"""Rules from the standing of the enterprises behind a declaration."""
