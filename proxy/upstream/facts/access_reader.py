"""Reads policies, grants and roles again and again, where kept answers are shared by all identities.

A change is seen within five seconds: what was read longer ago is not relied on (``path.sharing.LONGEST_UNSEEN``).

Tests: tests/e2e/cache/test_shared.py.
"""

import asyncio
from typing import Any

from proxy.observe.events import Warned
from proxy.path.kept.sharing import AccessFacts, Sharing
from proxy.postgrest.access_facts import FINGERPRINT, REFUSALS, read_refusals
from proxy.settings.model import Settings
from proxy.upstream.background_task import BackgroundTask
from proxy.upstream.facts.catalog import connect
from proxy.upstream.state import UpstreamState

INTERVAL, TIMEOUT = 1.5, 2.0
"""Seconds between two reads, and the longest that one may take."""


class AccessReader:
    """Tells ``sharing`` what it has read. A change makes ``state`` drop what is kept, of all relations."""

    def __init__(self, settings: Settings, state: UpstreamState, sharing: Sharing) -> None:
        self._uri = settings.db_uri
        self._schemas = list(settings.catalog.schemas)
        self._state = state
        self._sharing = sharing
        self._clock = state.context.clock
        self._task = BackgroundTask()
        self._said = False

    def read(self, wanted: bool) -> None:
        """Read from now on, or no more."""
        if not wanted:
            self._task.cancel()
        elif self._uri is not None and not self._task.running:
            self._task.start(self._run(self._uri.get_secret_value()))

    async def started(self) -> None:
        """Wait at most ``TIMEOUT`` seconds for the first read."""
        await self._task.ready(TIMEOUT)

    async def stop(self) -> None:
        """Close the connection."""
        await self._task.stop()

    async def _run(self, uri: str) -> None:
        while True:
            try:
                await self._read_until_failure(uri)
            except Exception as error:
                self._warn(error)
            self._task.is_ready.set()
            await asyncio.sleep(INTERVAL)

    async def _read_until_failure(self, uri: str) -> None:
        connection = await connect(uri, TIMEOUT, "fanin access")
        try:
            while True:
                began = self._clock()
                facts = await self._read(connection)
                if self._sharing.apply(facts, began):
                    self._state.drop_all("access")
                self._said = False
                self._task.is_ready.set()
                await asyncio.sleep(INTERVAL)
        finally:
            connection.terminate()

    async def _read(self, connection: Any) -> AccessFacts:
        fingerprint = await connection.fetchval(FINGERPRINT, self._schemas)
        return AccessFacts(str(fingerprint), read_refusals(await connection.fetch(REFUSALS, self._schemas)))

    def _warn(self, error: Exception) -> None:
        """Warn once with the error's class only: its text may contain the address and the user."""
        if not self._said:
            self._said = True
            what = f"policies, grants and roles could not be read ({type(error).__name__})"
            remedy = "Check db_uri and the database. Until they can be read, cache.shared has no effect."
            self._state.context.events.emit(Warned(what, remedy))
