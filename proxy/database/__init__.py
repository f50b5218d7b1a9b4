"""What does the database itself say? Its catalog, its plans and trials, read in transactions that are rolled back."""
