"""Played with supabase-js."""
