"""Real client libraries, frameworks and test runners work with fanin."""
