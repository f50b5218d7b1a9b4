"""Whether upstream can be reached: by the results of calls, or by a probe if there was no recent call."""

import asyncio
from collections.abc import Callable

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, HealthChecked, UpstreamCalled
from proxy.upstream.client import Upstream

MAX_AGE = 5.0
"""Seconds for which the last result holds while upstream is up."""
PROBE_INTERVAL = 1.0
"""Seconds between two probes while upstream is down."""


class Health:
    """An observer of calls. A probe opens a connection and closes it: it sends no query, and costs upstream little."""

    def __init__(self, upstream: Upstream, events: Events, clock: Callable[[], float]) -> None:
        self.up = True
        self._upstream = upstream
        self._events = events
        self._clock = clock
        self._updated = float("-inf")
        self._probe: asyncio.Task[None] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, UpstreamCalled) and event.status != CANCELLED:
            self._set_up(event.status != NO_ANSWER)

    def tick(self) -> None:
        """Called regularly: probe while upstream is down, so that its metric changes even if there are no calls."""
        if not self.up and self._clock() - self._updated >= PROBE_INTERVAL:
            self._start()

    async def check(self) -> bool:
        """Whether upstream is up, by a result of the last ``MAX_AGE`` or ``PROBE_INTERVAL`` seconds."""
        if self._clock() - self._updated >= (MAX_AGE if self.up else PROBE_INTERVAL):
            await asyncio.shield(self._start())
        return self.up

    async def stop(self) -> None:
        """Cancel a probe in progress."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    def _set_up(self, up: bool) -> None:
        self.up, self._updated = up, self._clock()

    def _start(self) -> "asyncio.Task[None]":
        """The probe in progress, or a new one: there is at most one at a time."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.get_running_loop().create_task(self._connect())
        return self._probe

    async def _connect(self) -> None:
        try:
            connection = await self._upstream.connect()
        except FaultError:
            self._set_up(False)
        else:
            connection.abort()
            self._set_up(True)
        self._events.emit(HealthChecked(self.up))
