"""Texts that are made once: what is found is found again and again, and its code is the same each time."""

from functools import lru_cache

remembered = lru_cache(maxsize=256)
"""For functions from a fingerprint's parts to a text. A trace in which everything is found costs its texts once."""
