"""What is a rule, and what do spans and the workload show? Computations that several rules share."""
