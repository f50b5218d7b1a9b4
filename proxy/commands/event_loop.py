"""The event loop of the commands that serve.

Tests: tests/e2e/operations/test_serve.py.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from proxy.commands.collector_schedule import run_schedule

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, run on uvloop if it is installed (not on Windows), else on asyncio's event loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_with_schedule(work))
    return uvloop.run(_with_schedule(work))


async def _with_schedule(work: Coroutine[Any, Any, T]) -> T:
    schedule = asyncio.create_task(run_schedule())
    try:
        return await work
    finally:
        schedule.cancel()
