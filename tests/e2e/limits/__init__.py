"""What is bounded: bad input, slow and greedy clients, waiting times, memory, and lists that are too long."""
