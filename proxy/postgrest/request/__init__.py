"""What does a PostgREST request ask for? Targets, filters, select lists, orders and preferences."""
