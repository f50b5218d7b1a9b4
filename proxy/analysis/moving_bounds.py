"""Reads that are equal but for a bound that moves with the time, such as ``at=lte.`` and the present moment."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.spans import group_by
from proxy.model import Span

RANGES = ("gt", "gte", "lt", "lte")
MAX_CACHED_CHARS = 4096
"""A longer fingerprint has no bounds here."""


def equal_but_for_a_bound(spans: Iterable[Span]) -> list[list[Span]]:
    """Groups of reads with one answer whose only difference is a bound, which is new in most of them.

    ``spans`` are reads that succeeded, between which nothing was written to their relations.
    """
    bounded = [span for span in spans if bounds_of(span.fingerprint) and (span.rows >= 0 or span.total >= 0)]
    groups = group_by(bounded, _without_bounds).values()
    return [group for group in groups if _is_moving(group)]


def moving_names(spans: Sequence[Span]) -> tuple[str, ...]:
    """The bounds whose values differ in ``spans``: ``at=lte``."""
    params = spans[0].fingerprint.partition("?")[2].split("&")
    return tuple(params[at].removesuffix(".?") for at in _varying(spans))


def bounds_of(fingerprint: str) -> tuple[int, ...]:
    """The indexes of the parameters with one bound; in a logic tree, of one whose only value is the bound."""
    return _bounds(fingerprint) if len(fingerprint) <= MAX_CACHED_CHARS else ()


@lru_cache(maxsize=1024)
def _bounds(fingerprint: str) -> tuple[int, ...]:
    found = []
    for index, param in enumerate(fingerprint.partition("?")[2].split("&")):
        name, _, shape = param.partition("=")
        if name.rpartition(".")[2] in ("or", "and"):
            if shape.count("?") == 1 and any(f".{operator}.?" in shape for operator in RANGES):
                found.append(index)
        elif shape.endswith(".?") and shape.removesuffix(".?") in RANGES:
            found.append(index)
    return tuple(found)


def _without_bounds(span: Span) -> tuple[object, ...]:
    """What is equal in a group: the query but for its bounds, and the answer."""
    bounds = bounds_of(span.fingerprint)
    others = tuple(literal for at, literal in enumerate(span.literals) if at not in bounds)
    return span.fingerprint, span.identity, others, span.rows, span.total, span.size, span.row_keys


def _varying(spans: Sequence[Span]) -> list[int]:
    bounds = [at for at in bounds_of(spans[0].fingerprint) if all(at < len(span.literals) for span in spans)]
    return [at for at in bounds if len({span.literals[at] for span in spans}) > 1]


def _is_moving(spans: Sequence[Span]) -> bool:
    """Whether the bounds that differ have one value in each read, which is new in most, and are not those of pages."""
    varying = _varying(spans)
    moments = {tuple(span.literals[at] for at in varying) for span in spans}
    if not varying or 2 * len(moments) <= len(spans) or any(len(set(moment)) > 1 for moment in moments):
        return False
    columns = [name.partition("=")[0] for name in moving_names(spans)]
    parsed = parse_fingerprint(spans[0].fingerprint)
    ordered = {item.column for item in parsed.order}
    paged = "limit=?" in parsed.rest and not ordered.isdisjoint(columns)
    return len(set(columns)) == len(columns) and (not paged or bool(spans[0].row_keys))
