"""What fetching ahead would have saved and wasted in a loop, from its spans alone.

The loop is played again by the rule of the request path: the second read fetches the values that follow in the list,
and a write in between drops what was fetched.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from proxy.analysis.spans import may_write
from proxy.analysis.steps import Steps
from proxy.analysis.values.origin import Origin
from proxy.model import Outcome, Span
from proxy.prefetch_in_turn import MAX_IN_TURN, columns_in_turn, interleaved
from proxy.prefetch_size import MAX_AGE, MAX_KEYS, keys_ahead

MAX_VALUES = 20_000
"""Values of lists that are looked at."""
MAX_SEARCHED = 16
"""Reads, and answers for each, in which the columns that a loop asks for in turn are searched."""


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


class _Kept(msgspec.Struct):
    """An answer that would have been fetched ahead."""

    uses: int
    at: float
    writes: int
    is_used: bool = False


class _Played(msgspec.Struct):
    """The loop that is played, as ``merging.kept.trace_memory.Loop``."""

    kept: dict[int, _Kept] = {}
    size: int = 0
    used: int = 0
    was_dropped: bool = False
    place: int = -1
    followed: int = 0
    """Reads in a row whose values were found in their order."""
    fetched_keys: int = 0
    used_keys: int = 0

    def take(self, value: int, span: Span, writes: Iterable[tuple[float, float]]) -> bool:
        """Whether the read is answered from what was fetched."""
        kept = self.kept.get(value)
        if kept is None:
            return False
        if not _is_current(kept, span, writes):
            self.was_dropped = True
            del self.kept[value]
            return False
        self.used += not kept.is_used
        self.used_keys += not kept.is_used
        kept.is_used = True
        kept.uses -= 1
        if not kept.uses:
            del self.kept[value]
        return True

    def fetch(self, values: Sequence[int], span: Span, writes: Sequence[tuple[float, float]]) -> None:
        """Fetch what follows the place of this read, without what may still be used."""
        size = keys_ahead(self.size, self.used, MAX_KEYS, self.was_dropped)
        ahead = _following(values, self.place, size)
        for value, kept in self.kept.items():
            if value in ahead and _is_current(kept, span, writes):
                kept.uses = max(kept.uses, ahead.pop(value))
        self.kept |= {value: _Kept(uses, span.start, span.writes) for value, uses in ahead.items()}
        if ahead:
            self.size, self.used, self.was_dropped = len(ahead), 0, False
            self.fetched_keys += len(ahead)


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
    answers = [] if origin is None else _answers(trace, ordered[0], origin)
    columns = ("",) if origin is None else (yield from _columns(answers, origin.column, asked))
    values = _values(answers, columns) or asked
    writes = [(span.start, span.end) for span in trace if may_write(span)]
    played, served, seconds = _Played(), 0, 0.0
    for value, span in zip(asked, ordered, strict=True):
        yield
        found = _next(values, value, played.place)
        played.place = played.place if found is None else found
        if played.take(value, span, writes):
            served, seconds = served + 1, seconds + span.end - span.start
        elif found is not None and played.followed >= len(columns):
            played.fetch(values, span, writes)
        played.followed = 0 if found is None else played.followed + 1
    wasted = played.fetched_keys - played.used_keys if values is not asked else -1
    return PrefetchEstimate(len(ordered), served, wasted, seconds)


def _answers(trace: Iterable[Span], first: Span, origin: Origin) -> list[Span]:
    """The answers that have the column of ``origin``, in their order."""
    found = sorted(trace, key=lambda span: span.end)
    return [span for span in found if span.fingerprint == origin.fingerprint and span.identity == first.identity]


def _columns(answers: Sequence[Span], column: str, asked: Sequence[int]) -> Steps[tuple[str, ...]]:
    """The columns that the loop asks for in turn, or only ``column`` if more of its values follow each other there."""
    tried: dict[tuple[str, ...], None] = {(column,): None}
    for number in range(2, min(len(asked), MAX_SEARCHED)):
        yield
        recent = asked[max(0, number - MAX_IN_TURN) : number]
        for answer in answers[:MAX_SEARCHED]:
            found = columns_in_turn(dict(answer.row_keys), recent, asked[number])
            if found is not None:
                tried[found[0]] = None
    return max(tried, key=lambda names: _in_order(_values(answers, names), asked)) if len(tried) > 1 else (column,)


def _in_order(values: Sequence[int], asked: Sequence[int]) -> int:
    """How many of the values were asked for directly after the one before."""
    following = set(pairwise(values))
    return sum(pair in following for pair in pairwise(asked))


def _values(answers: Iterable[Span], names: Sequence[str]) -> list[int]:
    """The values of the columns ``names`` in turn in the answers, row by row, without nulls."""
    found: list[int] = []
    for span in answers:
        columns = dict(span.row_keys)
        if len(found) < MAX_VALUES and all(name in columns for name in names):
            found += [value for value in interleaved([columns[name] for name in names]) if value]
    return found


def _following(values: Sequence[int], place: int, most: int) -> dict[int, int]:
    """Same as ``ValueSource.following``."""
    found: dict[int, int] = {}
    for at in range(place + 1, len(values)):
        value = values[at]
        if value == values[place]:
            continue
        if value not in found and len(found) >= most:
            break
        found[value] = found.get(value, 0) + 1
    return found


def _next(values: list[int], value: int, place: int) -> int | None:
    try:
        return values.index(value, place + 1)
    except ValueError:
        return None


def _is_current(kept: _Kept, span: Span, writes: Iterable[tuple[float, float]]) -> bool:
    """Whether what was fetched may be used for ``span``: young enough, and nobody wrote."""
    if span.start - kept.at > MAX_AGE or span.writes != kept.writes:
        return False
    return not any(start < span.start and end > kept.at for start, end in writes)
