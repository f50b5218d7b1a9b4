"""Recorded scenarios changed by code: a little less, or more, of what a rule goes by."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.model import Span, Trace

    Change = Callable[[Sequence[Trace]], list[Trace]]


def each(change: Callable[[Sequence[Span]], Sequence[Span]]) -> Change:
    """What changes the spans of each trace, in the order that they began in."""

    def changed(traces: Sequence[Trace]) -> list[Trace]:
        made = []
        for trace in traces:
            spans = tuple(change(sorted(trace.spans, key=lambda span: span.start)))
            ends = max(span.end for span in spans)
            made.append(replace(trace, spans=spans, start=min(span.start for span in spans), end=ends))
        return made

    return changed


def alike(count: int) -> Change:
    """Only the first ``count`` of the kind of request that there is most of; all others stay."""

    def cut(spans: Sequence[Span]) -> list[Span]:
        often = Counter(span.fingerprint for span in spans).most_common(1)[0][0]
        kept = [span for span in spans if span.fingerprint == often][:count]
        return [span for span in spans if span.fingerprint != often or span in kept]

    return each(cut)


def first(count: int) -> Change:
    """Only so many requests."""
    return each(lambda spans: spans[:count])


def apart(gap: float, of: int = 1) -> Change:
    """``gap`` seconds between the end of a request and the next one's beginning, at each ``of``-th; 0 elsewhere."""

    def space(spans: Sequence[Span]) -> list[Span]:
        made, now = [], spans[0].start
        for at, span in enumerate(spans):
            now += gap if at and at % of == 0 else 0.0
            made.append(replace(span, start=now, end=now + span.end - span.start))
            now = made[-1].end
        return made

    return each(space)


def all_with(**values: Any) -> Change:
    """Each request of the most frequent kind, or else the one with most rows, has these values."""

    def set_values(spans: Sequence[Span]) -> list[Span]:
        often = Counter(span.fingerprint for span in spans)
        chosen = max(spans, key=lambda span: (often[span.fingerprint], span.rows)).fingerprint
        return [replace(span, **values) if span.fingerprint == chosen else span for span in spans]

    return each(set_values)


def reads_with(**values: Any) -> Change:
    """Each read has these values."""
    return each(lambda spans: [replace(span, **values) if span.method == "GET" else span for span in spans])


def rows(count: int) -> Change:
    """The largest answers show so many rows, and the keys of these."""

    def cut(spans: Sequence[Span]) -> list[Span]:
        most = max(span.rows for span in spans)
        return [
            replace(
                span,
                rows=count,
                cut=False,
                row_keys=tuple((name, (keys * (count // len(keys) + 1))[:count]) for name, keys in span.row_keys),
            )
            if span.rows == most
            else span
            for span in spans
        ]

    return each(cut)


def lasting(seconds: float) -> Change:
    """Each request takes so long, and waits for those that it waited for."""

    def stretch(spans: Sequence[Span]) -> list[Span]:
        made: list[Span] = []
        now = spans[0].start
        for before, span in pairwise([None, *spans]):
            assert span is not None
            now = now if before is None or span.start < before.end else made[-1].end
            made.append(replace(span, start=now, end=now + seconds))
        return made

    return each(stretch)


def same_values(count: int) -> Change:
    """The look-alikes ask for ``count`` different keys only, again and again."""

    def repeat(spans: Sequence[Span]) -> list[Span]:
        often = Counter(span.fingerprint for span in spans).most_common(1)[0][0]
        kind = [span for span in spans if span.fingerprint == often]
        asked = {id(span): kind[at % count] for at, span in enumerate(kind)}
        return [
            replace(span, same=asked[id(span)].same, literals=asked[id(span)].literals) if id(span) in asked else span
            for span in spans
        ]

    return each(repeat)


def pages(count: int) -> Change:
    """Only the first ``count`` traces."""
    return lambda traces: list(traces[:count])


def unanswered() -> Change:
    """Retries of a client, all of them."""
    return each(lambda spans: [replace(span, retry=True) for span in spans])


def mixed() -> Change:
    """Nobody can tell whose requests they are."""
    return lambda traces: [replace(trace, explicit=False, mixed=True) for trace in traces]


class Case(NamedTuple):
    """A scenario, what is changed in it, and whether ``code`` then finds something."""

    scenario: str
    how: str
    change: Change
    code: str
    fires: bool
