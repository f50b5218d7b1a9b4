"""What does an answer of PostgREST contain? Headers, ranges, error bodies and rows."""
