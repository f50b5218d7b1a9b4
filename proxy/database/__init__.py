"""How is the database itself read? Its schema and statistics, by read-only statements, with what could not be read."""
