"""Reads that are equal but for a bound that moves with the time, such as ``at=lte.`` and the present moment."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.fingerprint_cache import MAX_CACHED_CHARS, cached_by_fingerprint
from proxy.analysis.steps import Steps, slices
from proxy.model import Span

RANGES = ("gt", "gte", "lt", "lte")
MAX_BOUNDS = 8
"""The first bounds of a query are examined."""


def equal_but_for_a_bound(spans: Sequence[Span]) -> Steps[list[list[Span]]]:
    """Groups of reads with one answer whose only difference is a bound, which is new in most of them.

    ``spans`` are reads that succeeded, between which nothing was written to their relations.
    """
    groups: dict[tuple[object, ...], list[Span]] = {}
    for some in slices(spans):
        yield
        for span in some:
            if span.rows >= 0 or span.total >= 0:
                groups.setdefault(_without_bounds(span), []).append(span)
    found = []
    for group in groups.values():
        if len(group) > 1:
            yield
            if _is_moving(group):
                found.append(group)
    return found


def moving_names(spans: Sequence[Span]) -> tuple[str, ...]:
    """The bounds whose values differ in ``spans``: ``at=lte``."""
    params = spans[0].fingerprint.partition("?")[2].split("&")
    return tuple(params[at].removesuffix(".?") for at in _varying(spans))


@cached_by_fingerprint
def bounds_of(fingerprint: str) -> tuple[int, ...]:
    """The indexes of the first parameters with one bound; in a logic tree, of one whose only value is the bound. A
    fingerprint that is longer than ``MAX_CACHED_CHARS`` has none here.
    """
    if len(fingerprint) > MAX_CACHED_CHARS:
        return ()
    found = []
    for index, param in enumerate(fingerprint.partition("?")[2].split("&")):
        name, _, shape = param.partition("=")
        if name.rpartition(".")[2] in ("or", "and"):
            if shape.count("?") == 1 and any(f".{operator}.?" in shape for operator in RANGES):
                found.append(index)
        elif shape.endswith(".?") and shape.removesuffix(".?") in RANGES:
            found.append(index)
    return tuple(found[:MAX_BOUNDS])


def _without_bounds(span: Span) -> tuple[object, ...]:
    """What is equal in a group: the query but for its bounds, and the answer."""
    bounds = bounds_of(span.fingerprint)
    others = list(span.literals)
    for at in bounds:
        others[at : at + 1] = [0]
    return span.fingerprint, span.identity, tuple(others), span.rows, span.total, span.size, span.row_keys


def _varying(spans: Sequence[Span]) -> list[int]:
    shortest = min([len(span.literals) for span in spans])
    bounds = [at for at in bounds_of(spans[0].fingerprint) if at < shortest]
    return [at for at in bounds if len({span.literals[at] for span in spans}) > 1]


def _is_moving(spans: Sequence[Span]) -> bool:
    """Whether the bounds that differ have one value in each read, which is new in most, and are not those of pages."""
    varying = _varying(spans)
    moments = {tuple([span.literals[at] for at in varying]) for span in spans} if varying else set()
    if not varying or 2 * len(moments) <= len(spans) or max([len({*moment}) for moment in moments]) > 1:
        return False
    columns = [name.partition("=")[0] for name in moving_names(spans)]
    parsed = parse_fingerprint(spans[0].fingerprint)
    ordered = {item.column for item in parsed.order}
    paged = "limit=?" in parsed.rest and not ordered.isdisjoint(columns)
    return len(set(columns)) == len(columns) and (not paged or bool(spans[0].row_keys))
