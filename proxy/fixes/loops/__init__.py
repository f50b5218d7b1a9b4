"""Which one read replaces the reads of a loop? A batch, an embed, counts, or a function of the database."""
