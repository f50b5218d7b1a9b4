"""What does a plan of Postgres say? Trees from EXPLAIN, in words, and the values to plan a statement for."""
