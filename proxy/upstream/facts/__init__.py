"""What is known of PostgREST and its database? Read at start, again and again, or out of answers."""
