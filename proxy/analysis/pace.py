"""Tells calls that a person or a timer paces from those of a loop, by the pauses and the order of the values."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from proxy.analysis.fan_out import BusyTime, FanOut
from proxy.analysis.origin import MAX_KEYS, Origin
from proxy.analysis.steps import Steps
from proxy.model import Span

IN_ORDER_SHARE = 0.8
"""Share of the calls that ask for the value after the previous one's: a loop skips few rows, a person many."""


def is_paced_by_hand(
    found: FanOut, spans: Sequence[Span], came_from: Sequence[Origin], answers: Iterable[Span], max_idle: float
) -> Steps[bool]:
    """Whether in at least half of the steps of ``found`` nothing was in flight for ``max_idle`` seconds, and for longer
    than something was, and the values do not stand one after another in an answer that they came from. ``spans`` are
    those of the trace, ``answers`` have row keys.
    """
    ordered = sorted(found.spans, key=lambda span: span.start)
    load = BusyTime(spans)
    yield
    busy = [load.seconds_between(one.start, other.start) for one, other in pairwise(ordered)]
    idle = [other.start - one.start - work for (one, other), work in zip(pairwise(ordered), busy, strict=True)]
    if not idle or median(idle) < max(max_idle, median(busy)):
        return False
    yield
    in_order = yield from _follow_an_answer(found, ordered, came_from, answers)
    return not in_order


def _follow_an_answer(
    found: FanOut, ordered: Sequence[Span], came_from: Sequence[Origin], answers: Iterable[Span]
) -> Steps[bool]:
    """Whether the values stand in the order of the calls in the column that most of them came from."""
    if not came_from:
        return False
    origin = came_from[0]
    asked = list(pairwise([span.literals[found.key.index] for span in ordered]))
    following: set[tuple[int, int]] = set()
    examined = 0
    for answer in answers:
        if answer.fingerprint == origin.fingerprint and examined < MAX_KEYS:
            yield
            for hashes in [hashes for column, hashes in answer.row_keys if column == origin.column]:
                examined += len(hashes)
                following.update(pairwise(hashes))
    return sum(pair in following for pair in asked) >= IN_ORDER_SHARE * len(asked)
