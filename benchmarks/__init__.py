"""Programs that measure; each prints a table and one JSON line."""
