"""A write counts when it is sent and when it is answered, and in between nothing that it may change is used."""

from __future__ import annotations

import pytest

from proxy.path.kept.drops import UNANSWERED, DropClock

A, B = frozenset(("public.a",)), frozenset(("public.b",))


@pytest.mark.parametrize(
    ("changed", "read", "current"),
    [(A, A, False), (A, B, True), (A, A | B, False), (None, B, False), (A, None, False), (None, None, False)],
)
def test_what_a_write_may_have_changed_is_not_used_after_it(
    changed: frozenset[str] | None, read: frozenset[str] | None, current: bool
) -> None:
    clock = DropClock(10)
    reading = clock.reading
    assert clock.is_current(read, reading, 0.0)
    clock.record_sent(changed)
    assert clock.is_current(read, reading, 0.0) == current
    clock.record_ended(changed, 0.0, True)
    assert clock.is_current(read, reading, 0.0) == current
    assert clock.is_current(read, clock.reading, 0.0)


@pytest.mark.parametrize("changed", [A, None])
def test_what_was_read_while_a_write_was_in_flight_is_not_used_after_its_answer(changed: frozenset[str] | None) -> None:
    clock = DropClock(10)
    clock.record_sent(changed)
    reading = clock.reading
    assert not clock.is_current(A, reading, 0.0)
    clock.record_ended(changed, 0.0, True)
    assert not clock.is_current(A, reading, 0.0)


def test_nothing_is_used_while_a_second_write_is_in_flight() -> None:
    clock = DropClock(10)
    clock.record_sent(A)
    clock.record_sent(A)
    clock.record_ended(A, 0.0, True)
    assert not clock.is_current(A, clock.reading, 0.0)
    assert not clock.is_current(None, clock.reading, 0.0)
    clock.record_ended(A, 0.0, True)
    assert clock.is_current(A, clock.reading, 0.0)


def test_nothing_is_used_for_a_minute_after_a_write_whose_answer_was_not_seen() -> None:
    clock = DropClock(10)
    clock.record_sent(A)
    clock.record_ended(A, 5.0, False)
    assert not clock.is_current(B, clock.reading, 4.9 + UNANSWERED)
    assert clock.is_current(B, clock.reading, 5.0 + UNANSWERED)


def test_more_relations_than_the_bound_drop_everything() -> None:
    clock = DropClock(2)
    reading = clock.reading
    clock.drop(A)
    clock.drop(B)
    assert clock.is_current(frozenset(("public.c",)), reading, 0.0)
    clock.drop(frozenset(("public.d",)))
    assert not clock.is_current(frozenset(("public.c",)), reading, 0.0)
