"""Tests of proxy/schema."""
