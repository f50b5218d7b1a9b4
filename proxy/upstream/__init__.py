"""How is PostgREST called, and what is known of it? The HTTP client, and columns, catalog, health."""
