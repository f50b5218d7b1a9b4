"""What `make soak` runs for minutes: memory under load, and random bursts by the hundred thousand."""
