"""A call under way ends when nobody waits for it, and its slot is given back once."""

from __future__ import annotations

import asyncio

import pytest

from proxy.merging.waiters import InFlightCall, Slot
from tests.factories import member


def call_of(count: int) -> InFlightCall:
    return InFlightCall([member(f"/t?id=eq.{number}") for number in range(count)])


async def forever() -> None:
    await asyncio.Event().wait()


async def test_the_last_to_hang_up_cancels_the_call() -> None:
    call = call_of(3)
    call.task = asyncio.create_task(forever())
    await asyncio.sleep(0)
    call.disconnect_one()
    call.disconnect_one()
    assert not call.task.cancelling()
    call.disconnect_one()
    with pytest.raises(asyncio.CancelledError):
        await call.task


async def test_whoever_hangs_up_before_the_call_has_a_task_cancels_nothing() -> None:
    call = call_of(1)
    call.disconnect_one()
    assert (call.connected, call.task) == (0, None)


def test_a_slot_is_given_back_once_however_often_it_is_released() -> None:
    released: list[float | None] = []
    slot = Slot(released.append)
    slot.release(0.5)
    slot.release(0.7)
    slot.release()
    assert released == [0.5]


def test_a_failed_call_gives_its_slot_back_without_a_duration() -> None:
    released: list[float | None] = []
    Slot(released.append).release()
    assert released == [None]


def test_a_slot_that_nothing_counts_is_released_too() -> None:
    Slot().release(0.5)
