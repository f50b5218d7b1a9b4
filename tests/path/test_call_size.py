"""The longest merged call that a gateway accepts: it is learned, and grows again in small steps."""

from __future__ import annotations

import pytest

from proxy.model import FallbackReason
from proxy.path.call_size import FIRST_WAIT, GROW_AFTER, LONGEST_WAIT, SHORTEST, CallSize, may_be_refusal


class Simulation:
    """Calls as long as the limit allows, to a gateway that accepts ``accepts`` bytes."""

    def __init__(self, accepts: int) -> None:
        self.accepts = accepts
        self.size = CallSize()
        self.now = 0.0
        self.refused = 0

    def call(self, status: str = "414") -> int:
        """Send one call; the number of bytes that were accepted at last."""
        length = self.size.limit(7000)
        if length <= self.accepts:
            self.size.record_accepted(length, self.now)
            return length
        self.refused += 1
        for shorter in self.size.shorter(length, 80, status):
            if shorter <= self.accepts:
                self.size.record_refused(length, shorter, self.now)
                return shorter
            self.refused += 1
        return 0


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (FallbackReason("status", "414"), True),
        (FallbackReason("status", "431"), True),
        (FallbackReason("status", "400"), True),
        (FallbackReason("status", "502"), True),
        (FallbackReason("connection", "FANIN502"), True),
        (FallbackReason("status", "PGRST100"), False),
        (FallbackReason("status", "22P02"), False),
        (FallbackReason("status", "401"), False),
        (FallbackReason("status", "503"), False),
        (FallbackReason("connection", "FANIN501"), False),
        (FallbackReason("connection", "FANIN504"), False),
        (FallbackReason("ties"), False),
    ],
)
def test_only_answers_that_are_not_postgrests_may_be_refusals(reason: FallbackReason, expected: bool) -> None:
    assert may_be_refusal(reason) is expected


def test_without_a_refusal_the_setting_is_the_limit() -> None:
    size = CallSize()
    for _ in range(100):
        size.record_accepted(7000, 0.0)
    assert (size.limit(7000), size.limit(9000)) == (7000, 9000)


@pytest.mark.parametrize(
    ("refused", "original", "status", "tried"),
    [
        (5600, 80, "414", [1400, SHORTEST]),
        (5600, 80, "502", [SHORTEST]),
        (5600, 600, "414", [1350]),
        (1500, 80, "431", [SHORTEST]),
        (2 * SHORTEST, 80, "414", []),
        (2700, 600, "502", []),
    ],
)
def test_a_call_that_is_hardly_longer_than_an_original_is_not_too_long(
    refused: int, original: int, status: str, tried: list[int]
) -> None:
    assert CallSize().shorter(refused, original, status) == tried


@pytest.mark.parametrize("accepts", [500, 1000, 2000, 4000, 6900])
@pytest.mark.parametrize("status", ["414", "502"])
def test_the_limit_approaches_what_is_accepted_and_few_calls_are_made_in_vain(accepts: int, status: str) -> None:
    made = Simulation(accepts)
    for _ in range(2000):
        made.call(status)
        made.now += 0.1
    assert made.refused <= 12
    assert accepts / 1.6 < made.call(status) <= accepts


def test_a_gateway_that_accepts_more_again_is_noticed() -> None:
    made = Simulation(1000)
    for _ in range(200):
        made.call()
        made.now += 0.1
    made.accepts = 10_000
    for _ in range(20 * GROW_AFTER):
        made.call()
        made.now += LONGEST_WAIT
    assert made.call() == 7000


def test_a_gateway_that_accepts_less_than_before_is_news() -> None:
    size = CallSize()
    assert size.record_refused(7000, 1750, 0.0)
    assert not size.record_refused(2600, 1750, 0.0), "the end of a trial"
    assert size.record_refused(1750, SHORTEST, 0.0)
    assert size.limit(7000) == SHORTEST


def test_a_trial_that_has_no_shorter_call_ends() -> None:
    size = CallSize()
    size.end_trial()
    assert size.limit(7000) == 7000
    size.record_refused(7000, 1000, 0.0)
    for _ in range(GROW_AFTER):
        size.record_accepted(1000, FIRST_WAIT)
    assert size.limit(7000) == 1500
    size.end_trial()
    assert size.limit(7000) == 1000


def test_after_each_refusal_it_takes_twice_as_long_until_the_limit_grows() -> None:
    size, now = CallSize(), 0.0
    for wait in (FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT):
        size.record_refused(7000, 1000, now)
        for moment in (now, now + wait - 0.01):
            for _ in range(GROW_AFTER):
                size.record_accepted(1000, moment)
        assert size.limit(7000) == 1000
        now += wait
        size.record_accepted(1000, now)
        assert size.limit(7000) == 1500
