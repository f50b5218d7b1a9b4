"""The longest merged call that a gateway accepts: it is learned, and grows again in small steps."""

from __future__ import annotations

import pytest

from proxy.model import FallbackReason
from proxy.path.batches.call_size import FIRST_WAIT, GROW_AFTER, LONGEST_WAIT, SHORTEST, CallSize, may_be_refusal


class Simulation:
    """Calls as long as the limit allows, to a gateway that accepts ``accepts`` bytes."""

    def __init__(self, accepts: int) -> None:
        self.accepts = accepts
        self.size = CallSize()
        self.now = 0.0
        self.refused = 0

    def call(self, status: str = "414") -> int:
        """Send one call, a longer one if a trial is due; the number of bytes that were accepted at last."""
        longer = self.size.longer(7000, self.now)
        length = self.size.limit(7000) if longer is None else longer
        if longer is not None:
            self.size.begin_trial()
        accepted = self._send(length, status)
        self.size.end_trial()
        return accepted

    def _send(self, length: int, status: str) -> int:
        if length <= self.accepts:
            self.size.record_accepted(length)
            return length
        self.refused += 1
        for shorter in self.size.shorter(length, 80, status):
            if shorter <= self.accepts:
                self.size.record_refused(length, shorter, self.now)
                return shorter
            self.refused += 1
        return 0


def full_calls(size: CallSize) -> None:
    """As many calls that use the limit as are made between two trials."""
    for _ in range(GROW_AFTER):
        size.record_accepted(size.limit(7000))


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
        size.record_accepted(7000)
    assert size.longer(9000, 0.0) is None
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


def test_one_longer_call_at_a_time_is_tried_and_the_limit_grows_when_it_is_accepted() -> None:
    size = CallSize()
    size.record_refused(7000, 1000, 0.0)
    full_calls(size)
    assert (size.limit(7000), size.longer(7000, FIRST_WAIT)) == (1000, 1500)
    size.begin_trial()
    full_calls(size)
    assert (size.limit(7000), size.longer(7000, FIRST_WAIT)) == (1000, None)
    size.record_accepted(1480)
    assert size.limit(7000) == 1480
    size.end_trial()
    full_calls(size)
    assert size.longer(7000, FIRST_WAIT) == 2220


def test_after_a_trial_that_was_neither_accepted_nor_refused_another_one_follows() -> None:
    size = CallSize()
    size.record_refused(7000, 1000, 0.0)
    full_calls(size)
    size.begin_trial()
    size.end_trial()
    assert (size.limit(7000), size.longer(7000, FIRST_WAIT)) == (1000, None)
    full_calls(size)
    assert (size.limit(7000), size.longer(7000, FIRST_WAIT)) == (1000, 1500)


def test_no_call_longer_than_the_setting_is_tried() -> None:
    size = CallSize()
    size.record_refused(7000, 1000, 0.0)
    full_calls(size)
    assert (size.longer(1200, FIRST_WAIT), size.longer(1000, FIRST_WAIT)) == (1200, None)


def test_after_each_refusal_it_takes_twice_as_long_until_the_next_trial() -> None:
    size, now = CallSize(), 0.0
    for wait in (FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT):
        size.record_refused(7000, 1000, now)
        size.end_trial()
        full_calls(size)
        assert size.longer(7000, now + wait - 0.01) is None
        now += wait
        assert size.longer(7000, now) == 1500
        size.begin_trial()


def test_calls_that_were_planned_before_the_limit_was_learned_do_not_put_off_the_next_trial() -> None:
    size = CallSize()
    size.record_refused(7000, 1000, 0.0)
    for _ in range(20):
        assert size.shorter(6000, 80, "414") == [1000, SHORTEST]
        assert not size.record_refused(6000, 1000, 0.0)
    full_calls(size)
    assert size.longer(7000, FIRST_WAIT) == 1500
