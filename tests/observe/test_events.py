"""Observers receive events, and their exceptions never reach the code that emits."""

from __future__ import annotations

from proxy.observe.events import FAILURES, Event, Events, MergingPaused, Warned, WindowClosed


def test_every_observer_receives_every_event() -> None:
    events, first, second = Events(), list[Event](), list[Event]()
    events.subscribe(first.append)
    events.subscribe(second.append)
    events.emit(WindowClosed(3, 0.1))
    assert first == second == [WindowClosed(3, 0.1)]


def test_an_observer_of_some_kinds_receives_only_those_in_order() -> None:
    events, received = Events(), list[Event]()
    events.subscribe(received.append, WindowClosed, MergingPaused)
    emitted: list[Event] = [WindowClosed(3, 0.1), Warned("what", "remedy"), MergingPaused("load"), WindowClosed(1, 0.0)]
    for event in emitted:
        events.emit(event)
    assert received == [emitted[0], emitted[2], emitted[3]]


def test_an_observer_that_keeps_failing_is_removed_and_a_warning_is_emitted() -> None:
    events, received, calls = Events(), list[Event](), list[int]()

    def broken(event: Event) -> None:
        calls.append(1)
        raise ValueError("a secret value")

    events.subscribe(broken)
    events.subscribe(received.append)
    for _ in range(FAILURES + 5):
        events.emit(WindowClosed(1, 0.0))
    warnings = [event for event in received if isinstance(event, Warned)]
    assert len(calls) == FAILURES
    assert len(warnings) == 1
    assert "secret" not in warnings[0].what
    assert len(received) == FAILURES + 5 + 1
