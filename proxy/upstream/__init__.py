"""How is PostgREST called, and what is known of it? The HTTP client, column types, catalog, health."""
