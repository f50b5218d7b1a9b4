"""Whether upstream can be reached: by what calls come to, and by a look of our own where there were none lately."""

import asyncio
from collections.abc import Callable

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, HealthChecked, UpstreamCalled
from proxy.upstream.client import Upstream

FRESH = 5.0
"""Seconds that the last call's word is believed."""
AGAIN = 1.0
"""Seconds between two looks while upstream is down."""


class Health:
    """An observer of calls. A look is a connection that is closed again: it is no query, and costs upstream little."""

    def __init__(self, upstream: Upstream, events: Events, clock: Callable[[], float]) -> None:
        self.up = True
        self._upstream = upstream
        self._events = events
        self._clock = clock
        self._heard = float("-inf")
        self._look: asyncio.Task[None] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, UpstreamCalled) and event.status != CANCELLED:
            self._hear(event.status != NO_ANSWER)

    def tick(self) -> None:
        """Look again from time to time while upstream is down, even if nobody asks: its metric must not stay so."""
        if not self.up and self._clock() - self._heard >= AGAIN:
            self._start()

    async def check(self) -> bool:
        """Whether upstream is up, as of the last few seconds."""
        if self._clock() - self._heard >= (FRESH if self.up else AGAIN):
            await asyncio.shield(self._start())
        return self.up

    async def stop(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)

    def _hear(self, up: bool) -> None:
        self.up, self._heard = up, self._clock()

    def _start(self) -> "asyncio.Task[None]":
        """One look at a time, whoever asks."""
        if self._look is None or self._look.done():
            self._look = asyncio.get_running_loop().create_task(self._connect())
        return self._look

    async def _connect(self) -> None:
        try:
            wire = await self._upstream.connect()
        except FaultError:
            self._hear(False)
        else:
            wire.abort()
            self._hear(True)
        self._events.emit(HealthChecked(self.up))
