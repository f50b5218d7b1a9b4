"""The values of a loop stand one after another in an answer; those of a person who moves over a list do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.fan_out import FanOut
from proxy.analysis.patterns.listed_order import follow_an_answer
from proxy.analysis.steps import result_of
from proxy.analysis.values.origin import answers_with_keys, origins
from tests.rules.traces import span

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST = span("GET /t?select=id → 12 rows, ids " + ";".join(map(str, range(12))), 1, end=0.01)


@pytest.mark.parametrize(
    ("keys", "follow"),
    [
        (range(8), True),
        ([*range(5), *range(6, 11)], True),
        ([0, 5, 2, 9, 1, 7], False),
        (range(0, 12, 2), False),
        ([20, 21, 22, 23], False),
        ([3], True),
    ],
    ids=["each", "one skipped", "out of order", "every second", "of no answer", "one call"],
)
def test_order_tells(keys: Sequence[int], follow: bool) -> None:
    reads = [span(f"GET /u?t_id=eq.{key}", n, start=n * 0.2, end=n * 0.2 + 0.01) for n, key in enumerate(keys, 1)]
    found = FanOut(tuple(reads), parse_fingerprint(reads[0].fingerprint).filters[0])
    answers = answers_with_keys([LIST])
    came_from = result_of(origins(answers, reads, found.key))
    assert result_of(follow_an_answer(found, came_from, answers)) is follow
