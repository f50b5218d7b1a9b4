"""How is a single read made better? Once, in pages, in chunks, with fewer columns, or with its plan."""
