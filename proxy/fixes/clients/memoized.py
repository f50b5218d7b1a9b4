"""Memoizes generated code: the same findings occur again and again, and their code is always the same."""

from functools import lru_cache

memoized = lru_cache(maxsize=256)
"""For functions from the parts of a fingerprint to text."""
