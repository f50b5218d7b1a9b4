"""A background task is started once, can be waited for a while, and leaves nothing behind when it is stopped."""

from __future__ import annotations

import asyncio

import pytest

from proxy.upstream.background_task import BackgroundTask, wait_for_event


async def test_it_is_waited_for_until_its_first_work_is_done() -> None:
    task = BackgroundTask()

    async def work() -> None:
        task.is_ready.set()

    await task.ready(60)
    assert not task.running
    task.start(work())
    await task.ready(60)
    assert task.is_ready.is_set()
    await task.stop()
    assert not task.running


async def test_one_that_is_not_ready_in_time_goes_on_until_it_is_stopped() -> None:
    ended = asyncio.Event()
    task = BackgroundTask()

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    task.start(work())
    await task.ready(0.0)
    await asyncio.sleep(0)
    assert task.running
    assert not ended.is_set()
    await task.stop()
    assert ended.is_set()
    await task.stop()


@pytest.mark.parametrize("happens", [True, False])
async def test_an_event_is_waited_for_no_longer_than_given(happens: bool) -> None:
    event = asyncio.Event()
    if happens:
        event.set()
    await wait_for_event(event, 60.0 if happens else 0.0)
    assert event.is_set() is happens
