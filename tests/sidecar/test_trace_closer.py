"""Traces are closed when they are due, and rules run on them in steps between which traffic goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.observe.events import Event, Events, TraceClosed
from proxy.settings.model import Settings
from proxy.sidecar.rule_runner import RuleRunner
from proxy.sidecar.trace_closer import TraceCloser
from proxy.traces.grouping import GroupingSettings, TraceGrouper
from rules import RULES
from tests.factories import head
from tests.rules.traces import span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.findings.model import Finding
    from proxy.model import Trace
    from proxy.settings.rules import RuleSettings

GROUPING = GroupingSettings(quiet_explicit=1.0, quiet_inferred=1.0, max_age=60.0, max_spans=100, max_open=10)


class Closer:
    """A closer with one rule, which takes ``seconds`` of a clock that only the rule moves."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.closed: list[str] = []
        self.ran_on: list[str] = []
        events = Events()
        events.subscribe(self._observe)
        rule = replace(RULES[0], detect=self._detect, inspect=None)
        self.traces = TraceGrouper(GROUPING)
        self.closer = TraceCloser(self.traces, RuleRunner([rule], Settings(), events), lambda: self.now)

    def _observe(self, event: Event) -> None:
        if isinstance(event, TraceClosed):
            self.closed.append(event.trace.id)

    def _detect(self, trace: Trace, settings: RuleSettings) -> Iterator[Finding]:
        self.now += self.seconds
        self.ran_on.append(trace.id)
        return iter(())

    def answer(self, trace: str, ends: bool = True) -> None:
        """A request of ``trace``, which stays in flight unless it ``ends``."""
        opened = self.traces.begin(head(f"Host: h\nX-Fanin-Trace: {trace}"), "", self.now)
        assert opened is not None
        if ends:
            self.traces.end(opened, span("GET /t", 1), self.now)


async def test_a_trace_is_closed_when_it_is_due_and_not_before() -> None:
    made = Closer()
    made.answer("a")
    await made.closer.run(0.5)
    assert made.closed == []
    await made.closer.run(2.0)
    assert made.closed == made.ran_on == ["a"]


async def test_between_rules_that_take_long_traffic_goes_on() -> None:
    made = Closer(seconds=1.0)
    for trace in ("a", "b", "c"):
        made.answer(trace)
    closed_by_then: list[int] = []

    async def traffic() -> None:
        while len(made.closed) < 3:
            closed_by_then.append(len(made.closed))
            await asyncio.sleep(0)

    made.now = 2.0
    await asyncio.gather(made.closer.run(made.now), traffic())
    assert {1, 2} <= set(closed_by_then)


async def test_quick_rules_take_no_turn_of_the_loop_each() -> None:
    made = Closer()
    for trace in ("a", "b", "c"):
        made.answer(trace)
    run = made.closer.run(2.0)
    with pytest.raises(StopIteration):
        run.send(None)
    assert made.closed == ["a", "b", "c"]


async def test_at_the_end_rules_run_on_what_is_closed_and_on_what_is_open() -> None:
    made = Closer(seconds=1.0)
    for trace in ("a", "b"):
        made.answer(trace)
    made.now = 2.0
    run = asyncio.create_task(made.closer.run(made.now))
    await asyncio.sleep(0)
    assert made.closed == ["a"]
    run.cancel()
    made.answer("open")
    made.closer.finish()
    assert made.closed == ["a", "b", "open"]


async def test_a_trace_that_a_client_says_is_over_is_closed_at_once_and_rules_run_on_it() -> None:
    made = Closer()
    made.answer("a")

    async def rounds() -> None:
        while not made.closed:
            await made.closer.run(made.now)
            await asyncio.sleep(0)
        await made.closer.run(made.now)
        await made.closer.run(made.now)

    closed, _ = await asyncio.gather(made.closer.close_trace("a"), rounds())
    assert closed
    assert made.ran_on == ["a"]


async def test_a_trace_with_a_request_in_flight_is_not_said_to_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Closer()
    made.answer("a", ends=False)

    async def pass_time(seconds: float) -> None:
        made.now += seconds

    monkeypatch.setattr(asyncio, "sleep", pass_time)
    assert not await made.closer.close_trace("a")
    assert made.closed == []
