"""Caches of what follows from a fingerprint: one rule after another asks for it, of all spans of a trace."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar, TypeVarTuple

More = TypeVarTuple("More")
Result = TypeVar("Result")

MAX_CACHED_CHARS, MAX_CACHED_PARAMS = 4096, 64
"""A larger fingerprint is a large one: few of them are cached, so that the cache is bounded in bytes too."""
CACHED_FINGERPRINTS = 2048
"""As many as a trace has by default (trace.max_spans)."""
CACHED_LARGE_FINGERPRINTS = 16


def cached_by_fingerprint(function: Callable[[str, *More], Result]) -> Callable[[str, *More], Result]:
    """``function`` with a cache of its results; its first argument is a fingerprint."""
    small = lru_cache(maxsize=CACHED_FINGERPRINTS)(function)
    large = lru_cache(maxsize=CACHED_LARGE_FINGERPRINTS)(function)

    @wraps(function)
    def cached(fingerprint: str, /, *args: *More) -> Result:
        is_small = len(fingerprint) <= MAX_CACHED_CHARS and fingerprint.count("&") < MAX_CACHED_PARAMS
        return (small if is_small else large)(fingerprint, *args)

    return cached
