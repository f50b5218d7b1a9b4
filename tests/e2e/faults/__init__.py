"""Upstream fails, clients hang up, somebody writes meanwhile: every request is answered, and answered rightly."""
