"""One task in the background: begun, stopped, and whether its first work is done."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress


class BackgroundTask:
    """At most one such task at a time."""

    def __init__(self) -> None:
        self.is_ready = asyncio.Event()
        """Set by the task when its first work is done, or failed."""
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and not cancelled since."""
        return self._task is not None

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run ``work`` until it is cancelled."""
        self._task = asyncio.create_task(work)

    def cancel(self) -> None:
        """Cancel the task, and do not wait for its end."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def ready(self, seconds: float) -> None:
        """Wait at most ``seconds`` until ``is_ready``, if it runs."""
        if self.running:
            await wait_for_event(self.is_ready, seconds)

    async def stop(self) -> None:
        """Cancel the task, and wait for its end."""
        task = self._task
        self.cancel()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Wait at most ``seconds`` for ``event``."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
