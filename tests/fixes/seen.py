"""Similar calls, for tests of the code that replaces them."""

from __future__ import annotations

from proxy.analysis.fingerprint import Filter, parse_fingerprint
from proxy.analysis.patterns.varying import SimilarCalls


def seen(
    fingerprint: str, *keys: str, kind: str = "uuid", rows: int = 1, limit: int | None = None, preferences: str = ""
) -> SimilarCalls:
    """Calls that differ in the filters on ``keys``: the first ones by ``eq`` or ``in``."""
    parsed = parse_fingerprint(fingerprint)
    found = [next(f for f in parsed.filters if f.column == key and f.operator in ("eq", "in")) for key in keys]
    kinds = (kind,) * len(found)
    counted = parsed.method == "HEAD"
    return SimilarCalls(parsed, tuple(found), kinds, (), (), (), rows, limit, False, preferences, counted)


def first_key(fingerprint: str) -> Filter:
    """The first filter of a fingerprint."""
    return parse_fingerprint(fingerprint).filters[0]
