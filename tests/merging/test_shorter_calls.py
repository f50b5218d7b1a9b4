"""After a gateway refused a long call, one longer call at a time is tried, whatever else is sent with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.model import FallbackReason
from proxy.path.batches.call_size import FIRST_WAIT, GROW_AFTER
from tests.merging.harness import FakeFetcher, MergingHarness, bodies, finish, run_loop, slices_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.merging.fetch import FetchResult
    from proxy.model import MergedCall

READS = [f"/t?select={'a' * 100}&id=eq.{number}" for number in range(1000, 1400)]


class Gateway(FakeFetcher):
    """Refuses calls whose targets are longer than ``accepts`` bytes; ``resume`` holds the answers back."""

    def __init__(self, accepts: int) -> None:
        super().__init__(self._answer_to)
        self.accepts = accepts

    def _answer_to(self, call: MergedCall) -> FetchResult:
        return slices_of(call) if len(call.target) <= self.accepts else FallbackReason("status", "414")


async def burst(harness: MergingHarness) -> None:
    replies = await finish(harness.merge(*READS))
    assert bodies(replies) == [target.rpartition(".")[2].encode() for target in READS]


async def ready_for_a_trial(accepts: int) -> tuple[MergingHarness, Gateway, int]:
    """A merger that has learned its limit, and enough full calls since; the limit."""
    gateway = Gateway(accepts)
    harness = MergingHarness(gateway, max_keys=2000, max_window=2000, max_url=7000)
    sizes = harness.state.call_size
    await burst(harness)
    for _ in range(GROW_AFTER):
        sizes.record_accepted(sizes.limit(7000))
    harness.now += FIRST_WAIT
    gateway.sent.clear()
    return harness, gateway, sizes.limit(7000)


def longer(sent: Sequence[MergedCall], limit: int) -> int:
    return sum(len(call.target) > limit for call in sent)


async def test_one_call_of_a_batch_is_longer_and_the_others_are_as_before() -> None:
    harness, gateway, limit = await ready_for_a_trial(700)
    await burst(harness)
    assert longer(gateway.sent, limit) == 1
    assert len(gateway.sent) > 4
    assert harness.state.call_size.limit(7000) == limit
    harness.assert_idle()


async def test_the_limit_grows_by_a_longer_call_that_is_accepted() -> None:
    harness, gateway, limit = await ready_for_a_trial(700)
    gateway.accepts = 7000
    await burst(harness)
    assert longer(gateway.sent, limit) == 1
    assert limit < harness.state.call_size.limit(7000) == max(len(call.target) for call in gateway.sent)
    harness.assert_idle()


async def test_while_a_longer_call_is_in_flight_no_other_one_is_sent() -> None:
    harness, gateway, limit = await ready_for_a_trial(700)
    gateway.resume.clear()
    tasks = []
    for _ in range(3):
        tasks += harness.merge(*READS)
        await run_loop()
        harness.merger.batcher._flush(next(iter(harness.merger.batcher.schedulers._schedulers.values())))
        for _ in range(GROW_AFTER):
            harness.state.call_size.record_accepted(limit)
    await run_loop()
    assert longer(gateway.sent, limit) == 1
    gateway.resume.set()
    await finish(tasks)
    harness.assert_idle()


@pytest.mark.parametrize("iterations", [1, 2, 4])
async def test_a_longer_call_whose_clients_all_disconnect_ends_its_trial(iterations: int) -> None:
    harness, gateway, limit = await ready_for_a_trial(700)
    gateway.resume.clear()
    tasks = harness.merge(*READS)
    await run_loop(iterations)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await run_loop()
    harness.assert_idle()
    gateway.resume.set()
    for _ in range(GROW_AFTER):
        harness.state.call_size.record_accepted(limit)
    gateway.sent.clear()
    await burst(harness)
    assert longer(gateway.sent, limit) == 1
