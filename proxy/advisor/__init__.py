"""Which indexes would the workload gain from? Candidates, what existing indexes serve, and the fewest that help."""
