"""Which SQL does a request stand for? Statements to be read by people."""
