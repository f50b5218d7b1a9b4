"""Calls with long idle pauses are a person's or a timer's, unless their values stand one after another in an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.analysis.fan_out import FanOut
from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.origin import answers_with_keys, origins
from proxy.analysis.pace import is_paced_by_hand
from proxy.analysis.steps import result_of
from tests.rules.traces import span

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST = span("GET /t?select=id → 12 rows, ids " + ";".join(map(str, range(12))), 1, end=0.01)


def paced(keys: Sequence[int], every: float, lasting: float = 0.01, *, known: bool = True) -> bool:
    reads = [
        span(f"GET /u?t_id=eq.{key}", n, start=n * every, end=n * every + lasting) for n, key in enumerate(keys, 1)
    ]
    found = FanOut(tuple(reads), parse_fingerprint(reads[0].fingerprint).filters[0])
    answers = answers_with_keys([LIST]) if known else []
    came_from = result_of(origins(answers, reads, found.key)) if answers else []
    return result_of(is_paced_by_hand(found, [LIST, *reads], came_from, answers, 0.12))


@pytest.mark.parametrize(
    ("keys", "every", "lasting", "known", "by_hand"),
    [
        (range(8), 0.1, 0.01, False, False),
        (range(8), 0.2, 0.01, False, True),
        (range(8), 0.2, 0.01, True, False),
        ([0, 5, 2, 9, 1, 7], 0.2, 0.01, True, True),
        ([0, 5, 2, 9, 1, 7], 0.4, 0.21, True, False),
        ([3], 0.2, 0.01, True, False),
    ],
    ids=["quick", "slow", "slow, in order", "slow, out of order", "mostly reading", "one call"],
)
def test_pace_and_order_tell(keys: Sequence[int], every: float, lasting: float, known: bool, by_hand: bool) -> None:
    assert paced(keys, every, lasting, known=known) is by_hand
