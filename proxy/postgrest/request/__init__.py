"""What does a request ask? Targets, filters, selects, orders, preferences."""
