"""What does the database itself say? Its schema, statistics, plans and trials; nothing that is done stays."""
