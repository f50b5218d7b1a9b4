"""resume: the waiting task runs on at once, unless another one runs."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from proxy.transport.resume import resume


async def wait(future: asyncio.Future[str], seen: list[str]) -> None:
    seen.append(await future)


async def started(seen: list[str]) -> tuple[asyncio.Future[str], asyncio.Task[None]]:
    future = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(wait(future, seen))
    await asyncio.sleep(0)
    return future, task


async def test_a_callback_of_the_event_loop_runs_the_waiting_task_at_once() -> None:
    seen: list[str] = []
    future, task = await started(seen)

    def callback() -> None:
        resume(future, "result")
        seen.append("after")

    asyncio.get_running_loop().call_soon(callback)
    await task
    assert seen == ["result", "after"]


async def test_inside_another_task_the_waiting_one_runs_later() -> None:
    seen: list[str] = []
    future, task = await started(seen)
    resume(future, "result")
    assert seen == []
    await task
    assert seen == ["result"]


async def test_a_future_for_which_no_task_waits_yet_has_the_result_when_one_does() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(resume, future, "result")
    await asyncio.sleep(0)
    assert await future == "result"


async def test_an_exception_of_the_waiting_task_is_not_raised_where_it_is_resumed() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def fail() -> None:
        raise ValueError(await future)

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    after: list[bool] = []

    def callback() -> None:
        resume(future, "wrong")
        after.append(True)

    asyncio.get_running_loop().call_soon(callback)
    with pytest.raises(ValueError, match="wrong"):
        await task
    assert after == [True]


async def test_a_task_that_was_cancelled_stays_cancelled() -> None:
    seen: list[str] = []
    future, task = await started(seen)
    task.cancel()
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == []


async def test_the_task_runs_in_its_own_context() -> None:
    variable = ContextVar("variable", default="outside")
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def inside() -> str:
        variable.set("inside")
        await future
        return variable.get()

    task = asyncio.create_task(inside())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(resume, future, "result")
    assert await task == "inside"
