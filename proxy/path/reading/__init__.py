"""What does a request ask for, and who asks? Targets and header lines become queries and identities."""
