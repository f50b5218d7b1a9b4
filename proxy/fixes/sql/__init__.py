"""The SQL of a fix, as text for people."""
