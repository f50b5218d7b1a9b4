"""Kit: what we know of PostgREST, each fact once. Pure functions over bytes; no clock, no socket, no log."""
