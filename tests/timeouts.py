"""A test that hangs ends its process, after it has said where it stands.

Nothing milder works: under uvloop, a signal interrupts no test whose tasks all wait, and a test that is interrupted may
hang while it cleans up. With lanes of tests, the test counts as failed, and another process goes on with the next one.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


class Settings(Protocol):
    """What is used of pytest-timeout's."""

    timeout: float


_TIMER = pytest.StashKey[threading.Timer]()


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> bool:
    """Called by pytest-timeout in place of its own."""
    timer = item.config.stash[_TIMER] = threading.Timer(settings.timeout, _end_process, (item, settings.timeout))
    timer.daemon = True
    timer.start()
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> bool:
    """Called by pytest-timeout when a test fails, too: then it has still to be cleaned up, which may hang."""
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """The timer ends with the test and its fixtures."""
    try:
        return (yield)
    finally:
        if _TIMER in item.config.stash:
            item.config.stash[_TIMER].cancel()


def pytest_enter_pdb(config: pytest.Config) -> None:
    """Who debugs a test has time."""
    if _TIMER in config.stash:
        config.stash[_TIMER].cancel()


def _end_process(item: pytest.Item, seconds: float) -> None:
    try:
        capture = item.config.pluginmanager.get_plugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture()
        err = sys.__stderr__
        if err is None:
            return
        print(f"\n{item.nodeid} is not over after {seconds:g} s. Its threads and tasks:", file=err, flush=True)
        faulthandler.dump_traceback(err)
        for runner in getattr(item, "funcargs", {}).values():
            if isinstance(runner, asyncio.Runner):
                for task in asyncio.all_tasks(runner.get_loop()):
                    print(task.get_name(), *_waits(task.get_coro()), sep="\n  ", file=err)
        err.flush()
    finally:
        os._exit(1)


def _waits(waiting: object) -> Iterator[str]:
    """Where a coroutine waits, and what it waits for, and so on."""
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}" if frame else repr(waiting)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
