"""Listens to Postgres' notifications of writes, which triggers send (``fanin cache triggers``).

While none can be received, what was read before is not used: a write would go unseen. That they can be received is
checked by a notification to itself, since some poolers accept LISTEN and deliver nothing.

https://www.postgresql.org/docs/current/sql-notify.html

Tests: tests/e2e/cache/test_notifications.py.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from proxy.observe.events import NotificationsResumed, Warned
from proxy.settings.model import Settings
from proxy.upstream.background_task import BackgroundTask, wait_for_event
from proxy.upstream.facts.catalog import FIRST_RETRY, LONGEST_RETRY, connect
from proxy.upstream.state import UpstreamState

CHECK_INTERVAL, CHECK_TIMEOUT = 2.0, 3.0
"""Seconds between two checks of the connection, and the longest wait for one: a loss is known within five seconds."""

NOTIFY = "select pg_catalog.pg_notify($1, '')"


class WriteListener:
    """Makes ``state`` drop what was read of a relation when a notification names it."""

    def __init__(self, settings: Settings, state: UpstreamState) -> None:
        self._uri = settings.db_uri if settings.catalog.writes_channel else None
        self._channel = settings.catalog.writes_channel
        self._timeout = settings.timeouts.connect
        self._state = state
        self._events, self._clock = state.context.events, state.context.clock
        self._task = BackgroundTask()
        self._lost_since = 0.0
        self._said = False

    @property
    def status(self) -> str:
        """``off``: nobody keeps answers, or there is no db_uri; ``listening``; ``lost``: no notification can come."""
        if not self._task.running:
            return "off"
        return "listening" if self._state.drops.sees_all else "lost"

    def listen(self, wanted: bool) -> None:
        """Listen from now on, or no more: only where answers are kept."""
        if self._uri is None or wanted == self._task.running:
            return
        if not wanted:
            self._task.cancel()
            self._state.drops.sees_all = True
            return
        self._state.drops.sees_all = False
        self._lost_since = self._clock()
        self._task.start(self._run(self._uri.get_secret_value()))

    async def started(self) -> None:
        """Wait at most ``timeouts.connect`` for the first connection."""
        await self._task.ready(self._timeout)

    async def stop(self) -> None:
        """Close the connection."""
        if self._task.running:
            self._state.drops.sees_all = True
        await self._task.stop()

    async def _run(self, uri: str) -> None:
        pause = FIRST_RETRY
        while True:
            try:
                async with self._listening(uri) as check:
                    await check()
                    self._resume()
                    pause = FIRST_RETRY
                    while True:
                        await check()
            except Exception as error:
                self._lose()
                self._warn(error)
            self._task.is_ready.set()
            await asyncio.sleep(pause)
            pause = min(LONGEST_RETRY, 2 * pause)

    @asynccontextmanager
    async def _listening(self, uri: str) -> AsyncIterator["_Check"]:
        """A connection that listens; what is yielded checks it, and waits until it is to be checked again."""
        connection = await connect(uri, self._timeout, "fanin notifications")
        try:
            check = _Check(connection, self._lose)
            await connection.add_listener(self._channel, self._on_notification)
            await connection.add_listener(check.channel, check.on_notification)
            connection.add_termination_listener(check.on_termination)
            yield check
        finally:
            connection.terminate()

    def _on_notification(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._state.drop_notified(str(payload))

    def _resume(self) -> None:
        """Notifications come from now on: what was read before that may be older than a write that nobody told of."""
        self._state.drops.sees_all = True
        self._state.drop_all("listening")
        self._task.is_ready.set()
        if self._said:
            self._said = False
            self._events.emit(NotificationsResumed(self._clock() - self._lost_since))

    def _lose(self) -> None:
        """Notifications are missing from now on."""
        if self._state.drops.sees_all and self._task.running:
            self._state.drops.sees_all = False
            self._state.drop_all("notifications-lost")
            self._lost_since = self._clock()

    def _warn(self, error: Exception) -> None:
        """Warn once until they come again, with the error's class only: its text may have the address and the user."""
        if self._said:
            return
        self._said = True
        what = f"notifications of writes cannot be received ({type(error).__name__}): no answer is kept until they can"
        remedy = (
            "Check db_uri: it must lead to the primary, and not through a pooler in transaction mode. Without such "
            'notifications set catalog.writes_channel = "".'
        )
        self._events.emit(Warned(what, remedy))


class _Check:
    """Sends a notification to its own connection, and waits for it. ConnectionError or TimeoutError if none comes."""

    def __init__(self, connection: Any, on_lost: Callable[[], None]) -> None:
        self.channel = f"fanin_{secrets.token_hex(12)}"
        self._connection = connection
        self._on_lost = on_lost
        self._heard = asyncio.Event()
        self._ended = asyncio.Event()
        self._sent = 0

    async def __call__(self) -> None:
        if self._sent:
            await self._wait()
        self._sent += 1
        self._heard.clear()
        async with asyncio.timeout(CHECK_TIMEOUT):
            await self._connection.execute(NOTIFY, self.channel, timeout=CHECK_TIMEOUT)
            await self._heard.wait()

    async def _wait(self) -> None:
        await wait_for_event(self._ended, CHECK_INTERVAL)
        if self._ended.is_set():
            raise ConnectionError("Postgres has closed the connection")

    def on_notification(self, _connection: object, _pid: int, _channel: str, _payload: object) -> None:
        self._heard.set()

    def on_termination(self, _connection: object) -> None:
        self._on_lost()
        self._ended.set()
        self._heard.set()
