"""What fetching ahead would have saved and wasted in a loop, from its spans alone.

The loop is played again by the rule of the request path: the second read fetches the values that follow in the list,
and a write in between drops what was fetched.
"""

from collections.abc import Iterable, Sequence

import msgspec

from proxy.analysis.spans import may_write
from proxy.analysis.steps import Steps
from proxy.analysis.values.origin import Origin
from proxy.model import Outcome, Span
from proxy.prefetch_size import MAX_AGE, MAX_KEYS, keys_ahead

MAX_VALUES = 20_000
"""Values of lists that are looked at."""


class PrefetchEstimate(msgspec.Struct, frozen=True):
    """What became, or would have become, of the reads of a loop."""

    reads: int
    served: int
    """Reads that were answered from what had been fetched ahead."""
    wasted: int
    """Keys that were fetched ahead and not asked for; -1: unknown, because the list is."""
    seconds: float
    """Waiting time of the reads that were served."""

    @property
    def calls(self) -> int:
        """Upstream calls for the loop."""
        return self.reads - self.served


class _Fetched(msgspec.Struct):
    """The last fetch of the loop that is played."""

    size: int = 0
    used: int = 0
    at: float = 0.0
    writes: int = 0
    values: set[int] = set()


def was_prefetched(spans: Iterable[Span]) -> bool:
    """Whether any of the spans was answered from what had been fetched ahead."""
    return any(span.outcome is Outcome.PREFETCHED for span in spans)


def estimate_prefetch(
    trace: Sequence[Span], loop: Sequence[Span], key: int, origin: Origin | None
) -> Steps[PrefetchEstimate]:
    """Play ``loop``, whose literals at the index ``key`` vary. ``origin`` is the column that they came from, if known:
    else they are taken to stand in a list in the order in which they were asked for.
    """
    ordered = sorted(loop, key=lambda span: span.start)
    yield
    asked = [span.literals[key] for span in ordered]
    values = _values(trace, ordered[0], origin) or asked
    writes = [(span.start, span.end) for span in trace if may_write(span)]
    last, served, fetched_keys, used_keys, seconds, place = _Fetched(), 0, 0, 0, 0.0, -1
    for number, span in enumerate(ordered):
        yield
        found = _next(values, asked[number], place)
        place = place if found is None else found
        if asked[number] in last.values and _is_current(last, span, writes):
            last.values.discard(asked[number])
            last.used += 1
            served, used_keys, seconds = served + 1, used_keys + 1, seconds + span.end - span.start
        elif number and found is not None:
            size = keys_ahead(last.size, last.used, MAX_KEYS)
            ahead = set(list(dict.fromkeys(values[found + 1 :]))[:size]) - {asked[number]}
            last = _Fetched(len(ahead), 0, span.start, span.writes, ahead) if ahead else last
            fetched_keys += len(ahead)
    wasted = fetched_keys - used_keys if values is not asked else -1
    return PrefetchEstimate(len(ordered), served, wasted, seconds)


def _values(trace: Iterable[Span], first: Span, origin: Origin | None) -> list[int]:
    """The values of the column of ``origin`` in the answers before the loop and during it, in their order."""
    found: list[int] = []
    if origin is None:
        return found
    for span in sorted(trace, key=lambda span: span.end):
        if span.fingerprint == origin.fingerprint and span.identity == first.identity and len(found) < MAX_VALUES:
            found += [value for name, values in span.row_keys if name == origin.column for value in values if value]
    return found


def _next(values: list[int], value: int, place: int) -> int | None:
    try:
        return values.index(value, place + 1)
    except ValueError:
        return None


def _is_current(last: _Fetched, span: Span, writes: Iterable[tuple[float, float]]) -> bool:
    """Whether what was fetched may be used for ``span``: young enough, and nobody wrote."""
    if span.start - last.at > MAX_AGE or span.writes != last.writes:
        return False
    return not any(start < span.start and end > last.at for start, end in writes)
