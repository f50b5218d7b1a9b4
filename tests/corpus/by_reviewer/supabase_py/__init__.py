"""Played with supabase-py's client of PostgREST."""
