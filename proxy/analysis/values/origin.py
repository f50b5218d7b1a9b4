"""Finds the earlier answers of a trace that contained the values of a filter.

Answers are known by their row keys (``analysis.values.row_keys``) only.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from proxy.analysis.fingerprint import Filter, parse_fingerprint
from proxy.analysis.fingerprint_cache import cached_by_fingerprint
from proxy.analysis.spans import is_quotable
from proxy.analysis.steps import Steps
from proxy.model import Span
from proxy.postgrest.singular import singular

MAX_KEYS = 50_000
"""Maximum number of keys to examine: a trace may have millions, and rules must be fast."""


class Origin(msgspec.Struct, frozen=True):
    """A column of earlier answers that contained ``matches`` of a filter's values before the reads that used them."""

    relation: str
    fingerprint: str
    column: str
    matches: int


def answers_with_keys(spans: Iterable[Span]) -> list[Span]:
    """The quotable spans whose answers' keys are known. One list serves all searches in a trace: to make it for each
    would take quadratic time.
    """
    return [span for span in spans if span.row_keys and is_quotable(span)]


def origins(earlier: Iterable[Span], readers: Sequence[Span], key: Filter) -> Steps[list[Origin]]:
    """The columns that contained at least half of the values of ``key``, the one with the most values first.

    ``earlier`` are ``answers_with_keys``.
    """
    first: dict[int, float] = {}
    for reader in readers:
        literal = reader.literals[key.index]
        first[literal] = min(reader.start, first.get(literal, reader.start))
    values_by_column: dict[tuple[str, str], set[int]] = {}
    examined = 0
    for span in _by_distance(earlier, min(first.values())):
        examined += sum(len(hashes) for _, hashes in span.row_keys)
        if examined > MAX_KEYS:
            break
        yield
        for column, hashes in span.row_keys:
            values = {value for value in first.keys() & hashes if span.end <= first[value]}
            values_by_column.setdefault((span.fingerprint, column), set()).update(values)
    ordered = sorted(values_by_column.items(), key=lambda item: -len(item[1]))
    return [
        Origin(parse_fingerprint(fingerprint).name, fingerprint, column, len(values))
        for (fingerprint, column), values in ordered
        if 2 * len(values) >= len(first)
    ]


def count_known_earlier(readers: Sequence[Span], key: Filter) -> Steps[int]:
    """Number of values of ``key`` that an answer of ``readers`` contained before the directly preceding answer did.

    A walk from row to row (each key comes from the answer just before) has no such values; a loop over a list has many.
    """
    ordered = sorted(readers, key=lambda span: span.start)
    wanted = {reader.literals[key.index] for reader in readers}
    seen: set[int] = set()
    seen_early: set[int] = set()
    examined = 0
    for before, reader in pairwise(ordered):
        if reader.literals[key.index] in seen:
            seen_early.add(reader.literals[key.index])
        examined += sum(len(hashes) for _, hashes in before.row_keys)
        if examined > MAX_KEYS:
            break
        yield
        for _, hashes in before.row_keys:
            seen |= wanted.intersection(hashes)
    return len(seen_early)


def _by_distance(spans: Iterable[Span], began: float) -> list[Span]:
    """The spans that ended before ``began``, the latest first, then the others by end."""
    return sorted(spans, key=lambda span: (span.end > began, abs(span.end - began)))


def named_literals(span: Span) -> set[tuple[str, int]]:
    """The values of its filters, each with the column that it belongs to. A value alone would not do: small numbers are
    keys of many tables.
    """
    names = _columns(span.fingerprint)
    return {(name, literal) for name, literal in zip(names, span.literals, strict=False) if literal}


@cached_by_fingerprint
def _columns(fingerprint: str) -> tuple[str, ...]:
    """Per parameter, its column. The key ``id`` of a table has the name that other tables have for it."""
    path, _, query = fingerprint.partition(" ")[2].partition("?")
    own = f"{singular(path.rpartition('.')[2])}_id"
    names = [param.partition("=")[0] for param in query.split("&")]
    return tuple([own if name == "id" else name for name in names])
