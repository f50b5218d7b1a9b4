"""What is a rule, and what do spans and the workload show? The questions that several rules ask."""
