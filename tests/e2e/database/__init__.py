"""What rules over the database find on real Postgres."""
