"""What would a cure have saved, and how much was it at most? Computed from spans alone."""
