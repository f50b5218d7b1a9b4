"""What do spans and the workload show? The questions that several rules ask."""
