"""Reads the database's catalog and keeps it up to date. Only this module of its folder connects to Postgres.

It listens on PostgREST's channel for schema reloads. It reads the catalog again after a notification, after
``catalog.lifetime``, and when an answer contradicts it. After a failed read there is no catalog until the next one
succeeds.

https://postgrest.org/en/v12/references/schema_cache.html#schema-cache-reloading
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from proxy.errors.extras import missing_extra
from proxy.observe.events import Events, Warned
from proxy.postgrest.catalog import COLUMNS, FUNCTIONS, PLAIN_TABLES, UPDATED_IN_PLACE, Catalog, read_catalog
from proxy.postgrest.database_facts import INDEXES, REFERENCES, TRIGRAMS, read_facts
from proxy.postgrest.dependencies import DEPENDENCIES, Dependencies, read_dependencies
from proxy.postgrest.hazards import FOREIGN_KEYS, RELATIONS, ROW_FUNCTIONS, SIGNATURE, Hazards, read_hazards
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.upstream.background_task import BackgroundTask, wait_for_event

if TYPE_CHECKING:
    import asyncpg

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
"""Seconds before the first and the longest wait for a new connection; the wait doubles after each failure."""

HAZARDS_TIMEOUT = 60.0
"""Seconds for the definitions of all views, of which there may be hundreds. They are read only if they changed."""


class CatalogReader:
    """Calls ``on_catalog`` with each catalog that it reads, and with an empty one when the connection fails."""

    def __init__(self, settings: Settings, events: Events, on_catalog: Callable[[Catalog], None]) -> None:
        self._uri = settings.db_uri
        self._schemas = settings.catalog.schemas
        self._channel = settings.catalog.channel
        self._lifetime = settings.catalog.lifetime
        self._timeout = settings.timeouts.connect
        self._events = events
        self._on_catalog = on_catalog
        self._stale = asyncio.Event()
        self._task = BackgroundTask()
        self._signature, self._hazards = "", Hazards()
        self._dependencies = Dependencies()
        self._announced = 0
        """Schema changes that were announced."""

    async def start(self) -> None:
        """Start, and wait at most ``timeouts.connect`` for the first catalog. ConfigError if asyncpg is missing."""
        if self._uri is None:
            return
        _check_asyncpg()
        self._task.start(self._run(self._uri.get_secret_value()))
        await self._task.ready(self._timeout)

    def invalidate(self) -> None:
        """An answer contradicts the catalog: read it again."""
        self._stale.set()

    async def stop(self) -> None:
        """Close the connection."""
        await self._task.stop()

    async def _run(self, uri: str) -> None:
        pause = FIRST_RETRY
        while True:
            try:
                await self._read_until_failure(uri)
            except Exception as error:
                self._warn(error)
                self._task.is_ready.set()
            self._on_catalog(Catalog())
            await asyncio.sleep(pause)
            pause = min(LONGEST_RETRY, 2 * pause)

    async def _read_until_failure(self, uri: str) -> None:
        """Read the catalog each time that it is stale, over one connection, until that fails."""
        connection = await connect(uri, self._timeout)
        try:
            await connection.add_listener(self._channel, self._on_notification)
            connection.add_termination_listener(lambda _: self._stale.set())
            while True:
                self._stale.clear()
                self._on_catalog(await self._read(connection))
                self._task.is_ready.set()
                await wait_for_event(self._stale, self._lifetime)
        finally:
            connection.terminate()

    async def _read(self, connection: "asyncpg.Connection[Any]") -> Catalog:
        announced = self._announced
        catalog = await _read_columns(connection, self._schemas)
        signature = str(await connection.fetchval(SIGNATURE))
        if signature != self._signature:
            self._dependencies = await _read_dependencies(connection)
            self._hazards, self._signature = await _read_hazards(connection, self._schemas), signature
        return msgspec.structs.replace(
            catalog, hazards=self._hazards, dependencies=self._dependencies, read=announced + 1
        )

    def _on_notification(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._announced += payload != "reload config"
        self._stale.set()

    def _warn(self, error: Exception) -> None:
        """Warn with the error's class only: its text may contain the address and the user."""
        what = f"the database's catalog could not be read ({type(error).__name__})"
        remedy = "Check db_uri and the database. Until it can be read, fanin asks PostgREST for column types."
        self._events.emit(Warned(what, remedy))


async def read_catalog_once(settings: Settings) -> Catalog:
    """The catalog as it is now; an empty one without ``db_uri``. ConfigError if it cannot be read."""
    if settings.db_uri is None:
        return Catalog()
    _check_asyncpg()
    try:
        connection = await connect(settings.db_uri.get_secret_value(), settings.timeouts.connect)
        try:
            catalog = await _read_columns(connection, settings.catalog.schemas)
            hazards = await _read_hazards(connection, settings.catalog.schemas)
            return msgspec.structs.replace(catalog, hazards=hazards)
        finally:
            connection.terminate()
    except Exception as error:
        raise ConfigError(
            f"db_uri: the catalog could not be read ({type(error).__name__}): check the address and the database"
        ) from error


def _check_asyncpg() -> None:
    try:
        import asyncpg  # noqa: F401, PLC0415 – optional: needed only with db_uri
    except ImportError as error:
        raise ConfigError(f"db_uri: {missing_extra(error.name, 'db')}") from error


async def connect(uri: str, seconds: float, name: str = "fanin") -> "asyncpg.Connection[Any]":
    """A connection with the ``application_name`` given; ``seconds`` bound connecting, and each statement."""
    import asyncpg  # noqa: PLC0415 – as above

    return await asyncpg.connect(
        uri, timeout=seconds, command_timeout=seconds, server_settings={"application_name": name}
    )


async def _read_columns(connection: "asyncpg.Connection[Any]", schemas: Sequence[str]) -> Catalog:
    columns = await connection.fetch(COLUMNS, list(schemas))
    catalog = read_catalog(columns, await connection.fetch(FUNCTIONS, list(schemas)))
    facts = read_facts(
        schemas,
        await connection.fetch(INDEXES, list(schemas)),
        await connection.fetch(REFERENCES, list(schemas)),
        await connection.fetchval(TRIGRAMS),
        catalog.columns,
    )
    tables = await connection.fetch(PLAIN_TABLES, list(schemas))
    plain = frozenset(f"{row['schema']}.{row['relation']}" for row in tables)
    rows = await connection.fetch(UPDATED_IN_PLACE, list(schemas))
    updated = {f"{row['schema']}.{row['relation']}": row["updated"] for row in rows}
    return msgspec.structs.replace(catalog, facts=facts, plain_tables=plain, updated=updated)


async def _read_dependencies(connection: "asyncpg.Connection[Any]") -> Dependencies:
    return read_dependencies(await connection.fetch(DEPENDENCIES, timeout=HAZARDS_TIMEOUT))


async def _read_hazards(connection: "asyncpg.Connection[Any]", schemas: Sequence[str]) -> Hazards:
    return read_hazards(
        await connection.fetch(RELATIONS, list(schemas), timeout=HAZARDS_TIMEOUT),
        await connection.fetch(ROW_FUNCTIONS),
        await connection.fetch(FOREIGN_KEYS),
    )
