"""Answers through fanin are those that PostgREST gives to each request alone."""
