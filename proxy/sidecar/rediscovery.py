"""Asks upstream again what it is, when it was not there at start: then the mount and the gateway may be other ones.

Tests: tests/e2e/operations/test_late_upstream.py.
"""

import asyncio
from collections.abc import Callable

from proxy.observe.events import Events, Warned
from proxy.settings.model import Settings
from proxy.upstream.client import Upstream
from proxy.upstream.facts.discovery import Discovered, discover
from proxy.upstream.health import Health

INTERVAL = 1.0
"""Seconds between two questions."""


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
        self._assumed: Discovered | None = discovered if discovered.failure is not None else None
        """What is assumed as long as it is not known; then None."""
        self._upstream = upstream
        self._health = health
        self._apply = apply
        self._events = events
        self._task: asyncio.Task[None] | None = None
        self._next = float("-inf")

    def tick(self, settings: Settings) -> None:
        """Ask, if it is not known yet what upstream is, and it answers now."""
        if self._assumed is None or not self._health.up or self._upstream.now() < self._next:
            return
        if self._task is None or self._task.done():
            self._next = self._upstream.now() + INTERVAL
            self._task = asyncio.get_running_loop().create_task(self._ask(self._assumed, settings))

    async def stop(self) -> None:
        """Cancel a question in progress."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask(self, assumed: Discovered, settings: Settings) -> None:
        found = await discover(settings, self._upstream)
        if found.failure is not None:
            return
        self._assumed = None
        self._apply(found)
        before, after = _shown(assumed), _shown(found)
        if before == after:
            return
        self._events.emit(
            Warned(
                f"upstream is known now: {after}; since the start fanin has assumed {before}",
                "Start upstream before fanin, or set --profile and --mount: then this is known from the start.",
            )
        )


def _shown(discovered: Discovered) -> str:
    return f"mount {discovered.mount}, profile {discovered.gateway.name}"
