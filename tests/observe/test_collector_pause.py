"""While metrics are rendered, no garbage is collected: a collection holds Python's lock, and requests wait."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.observe.collector_pause import paused_collector
from proxy.observe.events import RequestAnswered
from proxy.observe.metrics import Metrics
from tests.observe.factories import OPEN_METRICS
from tests.rules.traces import span

if TYPE_CHECKING:
    from collections.abc import Iterator

SERIES = 10_000


@contextmanager
def collections() -> Iterator[list[int]]:
    """The generations that were collected."""
    begun: list[int] = []

    def record(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            begun.append(info["generation"])

    gc.collect()
    gc.callbacks.append(record)
    try:
        yield begun
    finally:
        gc.callbacks.remove(record)


@pytest.mark.parametrize("accept", ["", OPEN_METRICS])
async def test_a_scrape_of_ten_thousand_series_collects_no_garbage(accept: str) -> None:
    metrics = Metrics(SERIES, tuple)
    for number in range(SERIES):
        metrics(RequestAnswered(replace(span(f"GET /t{number}?id=eq.1", 1), status=200), 0.001, "t"))
    snapshots = metrics.now
    with collections() as begun:

        def counted() -> object:
            del begun[:]  # what was collected before the scrape
            return snapshots()

        metrics.now = counted  # type: ignore[method-assign, assignment]
        body, _ = await metrics.scrape(accept)
        during = [generation for generation in begun if generation > 0]
    assert body.count(b"fanin_requests_total{") >= SERIES
    assert during == []
    assert gc.isenabled()


def test_pauses_may_overlap_and_leave_a_collector_that_is_off_as_it_is() -> None:
    with paused_collector:
        with paused_collector:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with paused_collector:
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
