"""Connects to the database for reading. Only this module imports asyncpg.

A transaction is read-only, its lock and statement timeouts are those given, and its search path is empty, so that
Postgres prints each name with its schema.

Tests: tests/e2e/database/test_read_database.py.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from proxy.database.grants import for_catalogs
from proxy.errors.extras import missing_extra

if TYPE_CHECKING:
    import asyncpg

REFUSALS = {
    "28": "the server refuses the role or its password: check both, and pg_hba.conf",
    "3D000": "the server has no such database: check its name in the URI",
    "42501": "the role may not connect to this database: grant it CONNECT",
}
"""What to check, by the SQLSTATE of a refused connection, or its class."""
OLDEST = 130000
"""The oldest server_version_num that is read."""


class DatabaseError(Exception):
    """The database could not be read at all. The message has no part of the URI."""


class StatementError(Exception):
    """One statement failed; ``cause`` says why in words, ``remedy`` what to do."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


class Reader:
    """Runs read-only statements, each in a savepoint, so that one that fails leaves the others alone."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection

    async def rows(self, statement: str, *arguments: Sequence[str]) -> list[Mapping[str, Any]]:
        """The rows of a statement. StatementError if it fails."""
        import asyncpg  # noqa: PLC0415 – optional

        try:
            async with self._connection.transaction():
                return list(await self._connection.fetch(statement, *arguments))
        except asyncpg.InsufficientPrivilegeError as error:
            granted = await for_catalogs(self._tried, statement, str(error.args[0]))
            remedy = f"As a superuser, in this database: {granted}" if granted else f"Grant it: {error.args[0]}"
            raise StatementError("the role may not read it", remedy) from error
        except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError) as error:
            raise StatementError("it took too long, or waited for a lock", "Raise --statement-timeout.") from error
        except asyncpg.PostgresError as error:
            raise StatementError(f"Postgres answered {error.sqlstate}", "Check the server's version.") from error

    async def _tried(self, statement: str, *arguments: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The rows, none if it fails."""
        import asyncpg  # noqa: PLC0415 – as above

        try:
            async with self._connection.transaction():
                return list(await self._connection.fetch(statement, *arguments))
        except asyncpg.PostgresError:
            return []


@asynccontextmanager
async def reading(uri: str, lock_timeout: int, statement_timeout: int) -> AsyncIterator[Reader]:
    """A read-only transaction, rolled back at the end; timeouts are milliseconds. DatabaseError if impossible."""
    connection = await _connect(uri, lock_timeout, statement_timeout)
    try:
        if connection.get_server_version()[0] * 10000 < OLDEST:
            raise DatabaseError("the server is older than PostgreSQL 13, the oldest that fanin reads: upgrade it")
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
        yield Reader(connection)
        await transaction.rollback()
    finally:
        connection.terminate()


async def _connect(uri: str, lock_timeout: int, statement_timeout: int) -> "asyncpg.Connection[Any]":
    try:
        import asyncpg  # noqa: PLC0415 – optional: needed only with a database
    except ImportError as error:
        raise DatabaseError(f"--db-uri {missing_extra('asyncpg', 'db')}") from error
    settings = {
        "application_name": "fanin audit",
        "default_transaction_read_only": "on",
        "lock_timeout": str(lock_timeout),
        "statement_timeout": str(statement_timeout),
        "search_path": "pg_catalog",
    }
    try:
        return await asyncpg.connect(uri, timeout=10, server_settings=settings)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseError(f"--db-uri: no connection: {_why(error)}") from error


def _why(error: Exception) -> str:
    """What to check, without any part of the URI."""
    state = str(getattr(error, "sqlstate", "") or "")
    if state:
        return REFUSALS.get(state, REFUSALS.get(state[:2], f"the server refuses it ({state}): check its log"))
    if isinstance(error, TimeoutError):
        return "no server answered in 10 s: check host and port"
    if isinstance(error, OSError):
        return f"no server answers there ({type(error).__name__}): check host and port, and that it runs"
    return "this is no URI of Postgres: write postgres://user:password@host/database"
