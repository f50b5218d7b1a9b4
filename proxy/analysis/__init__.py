"""What do spans and the workload show? Computations that several rules share."""
