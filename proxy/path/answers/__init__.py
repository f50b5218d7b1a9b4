"""What does each request get of a shared answer? Exactly what PostgREST would have sent to it alone."""
