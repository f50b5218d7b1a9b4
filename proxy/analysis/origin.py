"""Where the values of a filter came from, as far as earlier answers of the trace showed their keys."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from proxy.analysis.fingerprint import Filter, read_fingerprint
from proxy.model import Span

MOST_KEYS = 50_000
"""Keys that are looked at: a trace may show millions, and rules have little time."""


class Origin(msgspec.Struct, frozen=True):
    """A column of an answer that showed ``found`` of a filter's values before they were asked for."""

    relation: str
    fingerprint: str
    column: str
    found: int


def origins(earlier: Iterable[Span], readers: Sequence[Span], key: Filter) -> list[Origin]:
    """The columns that showed at least half of the values of ``key``, the one with most of them first."""
    first: dict[int, float] = {}
    for reader in readers:
        literal = reader.literals[key.at]
        first[literal] = min(reader.start, first.get(literal, reader.start))
    shown: dict[tuple[str, str], set[int]] = {}
    looked = 0
    for span in _likeliest_first(earlier, min(first.values())):
        looked += sum(len(hashes) for _, hashes in span.row_keys)
        if looked > MOST_KEYS:
            break
        for column, hashes in span.row_keys:
            values = {value for value in first.keys() & set(hashes) if span.end <= first[value]}
            shown.setdefault((span.fingerprint, column), set()).update(values)
    ordered = sorted(shown.items(), key=lambda item: -len(item[1]))
    return [
        Origin(read_fingerprint(fingerprint).name, fingerprint, column, len(values))
        for (fingerprint, column), values in ordered
        if 2 * len(values) >= len(first)
    ]


def known_sooner(readers: Sequence[Span], key: Filter) -> int:
    """How many values of ``key`` were shown by an answer of ``readers`` sooner than by the one just before they were
    asked for.
    """
    ordered = sorted(readers, key=lambda span: span.start)
    wanted = {reader.literals[key.at] for reader in readers}
    shown: set[int] = set()
    sooner: set[int] = set()
    looked = 0
    for before, reader in pairwise(ordered):
        if reader.literals[key.at] in shown:
            sooner.add(reader.literals[key.at])
        looked += sum(len(hashes) for _, hashes in before.row_keys)
        if looked > MOST_KEYS:
            break
        for _, hashes in before.row_keys:
            shown |= wanted.intersection(hashes)
    return len(sooner)


def _likeliest_first(spans: Iterable[Span], began: float) -> list[Span]:
    """Those that show keys: before the readers began the last one first, and then what came between them."""
    showing = [span for span in spans if span.row_keys]
    return sorted(showing, key=lambda span: (span.end > began, abs(span.end - began)))
