"""Reads the database's catalog and keeps it fresh: the one place that speaks to Postgres itself.

It listens where PostgREST listens for schema reloads, reads again after a while in any case, and at once when an answer
contradicted what it says. While it cannot be read, what it said is not believed for longer than its lifetime.

https://postgrest.org/en/v12/references/schema_cache.html#schema-cache-reloading
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from proxy.observe.events import Events, Warned
from proxy.postgrest.catalog import COLUMNS, FUNCTIONS, Catalog, read_catalog
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError

if TYPE_CHECKING:
    import asyncpg

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
"""Seconds until a lost connection is tried again: each time twice as long."""


class CatalogReader:
    """Hands each catalog that it reads to ``adopt``; an empty one when what was read is too old."""

    def __init__(self, settings: Settings, events: Events, adopt: Callable[[Catalog], None]) -> None:
        self._uri = settings.db_uri
        self._schemas = settings.catalog.schemas
        self._channel = settings.catalog.channel
        self._lifetime = settings.catalog.lifetime
        self._patience = settings.timeouts.connect
        self._events = events
        self._adopt = adopt
        self._stale = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()

    async def start(self) -> None:
        """Read for the first time, waiting no longer than ``timeouts.connect``. ConfigError without asyncpg."""
        if self._uri is None:
            return
        try:
            import asyncpg  # noqa: F401, PLC0415 – only who names a database needs it
        except ImportError as error:
            raise ConfigError(
                f"db_uri: needs the package {error.name}: run pip install '.[db]' in fanin's source folder"
            ) from error
        self._task = asyncio.create_task(self._keep(self._uri.get_secret_value()))
        try:
            async with asyncio.timeout(self._patience):
                await self._first.wait()
        except TimeoutError:
            pass

    def contradicted(self) -> None:
        """An answer showed that the catalog is another one now."""
        self._stale.set()

    async def stop(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self, uri: str) -> None:
        pause = FIRST_RETRY
        while True:
            try:
                await self._follow(uri)
            except Exception as error:
                self._tell(error)
                self._first.set()
            self._adopt(Catalog())
            await asyncio.sleep(pause)
            pause = min(LONGEST_RETRY, 2 * pause)

    async def _follow(self, uri: str) -> None:
        """Read again and again over one connection, until it fails."""
        import asyncpg  # noqa: PLC0415 – as above

        connection = await asyncpg.connect(
            uri,
            timeout=self._patience,
            command_timeout=self._patience,
            server_settings={"application_name": "fanin"},
        )
        try:
            await connection.add_listener(self._channel, self._notified)
            connection.add_termination_listener(lambda _: self._stale.set())
            while True:
                self._stale.clear()
                self._adopt(await self._read(connection))
                self._first.set()
                await self._until_stale()
        finally:
            connection.terminate()

    async def _read(self, connection: "asyncpg.Connection[Any]") -> Catalog:
        schemas = list(self._schemas)
        columns = await connection.fetch(COLUMNS, schemas)
        return read_catalog(columns, await connection.fetch(FUNCTIONS, schemas))

    async def _until_stale(self) -> None:
        try:
            async with asyncio.timeout(self._lifetime):
                await self._stale.wait()
        except TimeoutError:
            pass

    def _notified(self, *_: object) -> None:
        self._stale.set()

    def _tell(self, error: Exception) -> None:
        """The error's own text may hold the address and the user: only its kind is told."""
        what = f"the database's catalog could not be read ({type(error).__name__})"
        remedy = "Check db_uri and the database. Until then types are asked of PostgREST."
        self._events.emit(Warned(what, remedy))
