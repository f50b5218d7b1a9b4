"""Asks upstream again what it is, when it was not known at start, or was down: the mount and the gateway may be others.

Tests: tests/e2e/operations/test_late_upstream.py.
"""

import asyncio
from collections.abc import Callable

from proxy.observe.events import Events, Warned
from proxy.settings.model import Settings
from proxy.upstream.client import Upstream
from proxy.upstream.facts.discovery import Discovered, asks, discover
from proxy.upstream.health import Health

INTERVAL, MAX_INTERVAL = 1.0, 300.0
"""Seconds between two questions: the least, and the most while a server answers that is neither PostgREST nor
Supabase: after each such answer twice as long. Then it is asked again only after it was down.
"""


class Rediscovery:
    """Call ``tick`` regularly. ``apply`` gets what upstream turned out to be."""

    def __init__(
        self,
        discovered: Discovered,
        upstream: Upstream,
        health: Health,
        apply: Callable[[Discovered], None],
        events: Events,
    ) -> None:
        self._current = discovered
        self._is_open = not discovered.is_certain
        """Whether it has to be asked."""
        self._was_known = discovered.is_certain
        self._upstream = upstream
        self._health = health
        self._apply = apply
        self._events = events
        self._task: asyncio.Task[None] | None = None
        self._interval = INTERVAL
        self._next = float("-inf")

    def tick(self, settings: Settings) -> None:
        """Ask, if it is not known what upstream is, or another one may answer since it was down, and it answers now."""
        if not self._health.up:
            self._is_open, self._interval = asks(settings), INTERVAL
            return
        if not self._is_open or self._upstream.now() < self._next:
            return
        if self._task is None or self._task.done():
            self._next = self._upstream.now() + self._interval
            self._task = asyncio.get_running_loop().create_task(self._ask(settings))

    async def stop(self) -> None:
        """Cancel a question in progress."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask(self, settings: Settings) -> None:
        found, before = await discover(settings, self._upstream), self._current
        if found.failure is not None:
            return
        if not found.is_certain:
            self._interval *= 2
            self._next = self._upstream.now() + self._interval
            self._is_open = self._interval <= MAX_INTERVAL
            if self._was_known:  # a gateway in front of it, perhaps, that has no routes yet
                return
        else:
            self._is_open = False
        if found == before:
            return
        self._current = found
        self._apply(found)
        if _shown(before) != _shown(found):
            self._say(_shown(before), _shown(found))
        self._was_known = found.is_certain

    def _say(self, before: str, after: str) -> None:
        what = f"upstream is known now: {after}; since the start fanin has assumed {before}"
        if self._was_known:
            what = f"upstream is another one since it was down: {after}; before, it was {before}"
        self._events.emit(
            Warned(
                what, "Start upstream before fanin, or set --profile and --mount: then this is known from the start."
            )
        )


def _shown(discovered: Discovered) -> str:
    return f"mount {discovered.mount}, profile {discovered.gateway.name}"
