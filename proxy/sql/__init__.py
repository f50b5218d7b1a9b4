"""Which SQL does PostgREST run for a request? Statements for people to read; fanin never runs them."""
