"""What does an answer say? Headers, ranges, error bodies, rows."""
