"""May a shared answer be believed? What comparisons, the catalog and earlier answers have shown."""
