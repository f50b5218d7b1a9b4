"""That no file descriptor is left is said once a minute, counted each time, and over some seconds after."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from proxy.observe.events import Event, Events, Warned
from proxy.settings.loading import load
from proxy.sidecar import descriptor_monitor
from proxy.sidecar.descriptor_monitor import DescriptorMonitor, fit_limit

if TYPE_CHECKING:
    from proxy.upstream.client import Upstream


class FakeUpstream:
    exhausted = 0


class Monitored:
    def __init__(self) -> None:
        self.now = 0.0
        self.upstream = FakeUpstream()
        self.said: list[Event] = []
        events = Events()
        events.subscribe(self.said.append, Warned)
        self.monitor = DescriptorMonitor(cast("Upstream", self.upstream), events, lambda: self.now)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether descriptors are left: the last element."""
    states = [True]
    monkeypatch.setattr(descriptor_monitor, "is_exhausted", lambda: not states[-1])
    return states


def test_nothing_is_said_while_descriptors_are_left(left: list[bool]) -> None:
    one = Monitored()
    for _ in range(3):
        one.monitor.check()
        one.now += 1
    assert (one.monitor.exhausted, one.monitor.recently_exhausted, one.said) == (0, False, [])


def test_failed_connections_and_checks_are_counted_and_said_once_a_minute(left: list[bool]) -> None:
    one = Monitored()
    one.upstream.exhausted = 5
    one.monitor.check()
    left.append(False)
    one.now = 1.0
    for _ in range(4):  # within one second there is one check
        one.monitor.check()
    assert (one.monitor.exhausted, len(one.said), one.monitor.recently_exhausted) == (6, 1, True)
    one.now = 61.0
    one.monitor.check()
    assert len(one.said) == 2
    left.append(True)
    one.now = 67.0
    one.monitor.check()
    assert (one.monitor.recently_exhausted, len(one.said)) == (False, 2)


@pytest.mark.parametrize(("limit", "warnings"), [(64, 1), (100_000, 0)])
def test_a_limit_that_the_settings_exceed_is_said_at_start(
    limit: int, warnings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descriptor_monitor, "raise_limit", lambda _: limit)
    said: list[Event] = []
    events = Events()
    events.subscribe(said.append, Warned)
    fit_limit(load({}).settings, events)
    assert len(said) == warnings
