"""``fanin check``: traces are measured against budgets, and told in the formats that builds read. Pure."""
