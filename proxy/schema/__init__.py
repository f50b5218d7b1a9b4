"""What does the database look like? Its schema, statistics, policies and privileges, as values."""
