"""Keys of a loop other than ``column=eq.value``: in a logic tree, of an embed, or by a pattern.

No list of values can stand for them: ``fixes/lookup_code.py`` has their code, for those that code can keep.
"""

from collections.abc import Sequence

from proxy.analysis.fingerprint import Filter
from proxy.analysis.fingerprint_cache import cached_by_fingerprint
from proxy.analysis.steps import Steps
from proxy.model import Span

RANGES = (".gt.", ".gte.", ".lt.", ".lte.")
"""In a logic tree: operators of pages by key, whose values come from the page before."""
PATTERNS = ("like", "ilike", "match", "imatch", "fts", "plfts", "phfts", "wfts")
"""Operators of what people type."""
OPERATORS = ("eq", "cs", "ov", *PATTERNS)
"""Operators that look something up. Ranges and negations do not."""
LOGIC = ("or", "and")
MAX_LOOKUPS = 50
"""The first conditions of a query are examined."""


def varying_lookup(spans: Sequence[Span], least: int) -> Steps[Filter | None]:
    """The condition with the most values in ``spans``, which have one fingerprint; None if none has ``least``."""
    found = _lookups(spans[0].fingerprint)
    shortest = min([len(span.literals) for span in spans])
    best, needed = None, least
    for key in found:
        yield
        values = len({span.literals[key.index] for span in spans}) if key.index < shortest else 0
        if values >= needed:
            best, needed = key, values + 1
    return best


@cached_by_fingerprint
def _lookups(fingerprint: str) -> tuple[Filter, ...]:
    """The conditions of a fingerprint that may be keys; the column of a tree is its name (``or``)."""
    query = fingerprint.partition("?")[2]
    found = []
    for index, param in enumerate(query.split("&") if query else ()):
        name, _, shape = param.partition("=")
        last = name.rpartition(".")[2]
        if last in LOGIC:
            if "not" not in name.split(".") and not any(operator in shape for operator in RANGES):
                found.append(Filter(name, last, index))
        elif shape.endswith(".?"):
            operator = shape.removesuffix(".?").partition("(")[0]
            if operator in OPERATORS:
                found.append(Filter(name, operator, index))
    return tuple(found[:MAX_LOOKUPS])
