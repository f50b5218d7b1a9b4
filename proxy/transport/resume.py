"""Resumes a waiting task at once."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


def resume(future: "asyncio.Future[T]", result: T) -> None:
    """Set the result of ``future``, and run the task that waits for it until it waits again.

    ``set_result`` alone runs it in the next iteration of the event loop. Between the bytes of a request and those of
    its answer there are several waits, and each iteration costs a system call. Inside another task, which would run
    meanwhile, and where not exactly one task waits, this is ``set_result``.
    """
    callbacks = future._callbacks
    if not callbacks or len(callbacks) != 1 or asyncio.current_task(future.get_loop()) is not None:
        future.set_result(result)
        return
    run_on, context = callbacks[0]
    future.remove_done_callback(run_on)
    future.set_result(result)
    context.run(run_on, future)
