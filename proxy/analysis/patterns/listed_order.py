"""Tells whether the values of similar calls stand one after another in an answer that they came from."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from proxy.analysis.patterns.fan_out import FanOut
from proxy.analysis.steps import Steps
from proxy.analysis.values.origin import MAX_KEYS, Origin
from proxy.model import Span

IN_ORDER_SHARE = 0.8
"""Share of the calls that ask for the value after the previous one's: a loop skips few rows, a person many."""


def follow_an_answer(found: FanOut, came_from: Sequence[Origin], answers: Iterable[Span]) -> Steps[bool]:
    """Whether the values of ``found`` stand in the order of its calls in the column that most of them came from.

    ``answers`` are ``answers_with_keys``.
    """
    if not came_from:
        return False
    origin = came_from[0]
    ordered = sorted(found.spans, key=lambda span: span.start)
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
