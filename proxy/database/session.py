"""Connections to Postgres, and transactions as PostgREST begins them for a caller, which are always rolled back.

Source: PostgREST 12, ``Query.hs`` (``setPgLocals``).

Tests: tests/e2e/findings/test_explain_plan.py.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

import msgspec

from proxy.database.grants import for_tables, membership, words_of
from proxy.errors.extras import missing_extra

if TYPE_CHECKING:
    import asyncpg

    Connection: TypeAlias = asyncpg.Connection[Any]

OLDEST = 13
"""The oldest release of Postgres whose catalogs fanin reads."""
CONNECT_TIMEOUT = 10.0
UNDEFINED, UNPERMITTED, CANCELED, LOCKED = ("22023", "42704"), "42501", "57014", "55P03"
"""SQLSTATEs: an unknown role, a missing privilege, a statement that took too long, a lock that was not granted."""

ROLE_SETTINGS = """
select split_part(c, '=', 1) as name, substr(c, strpos(c, '=') + 1) as value
from pg_db_role_setting s, unnest(s.setconfig) c
join pg_settings p on p.name = lower(split_part(c, '=', 1)) and p.context = 'user'
where s.setrole = (select oid from pg_roles where rolname = $1)
  and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  and p.name !~ '_timeout$' and p.name <> 'search_path'
"""
"""The settings of a role, which PostgREST applies to its transactions; the timeouts are fanin's own."""

EXTRA_SEARCH_PATH = """
select substr(c, strpos(c, '=') + 1) from pg_db_role_setting s, unnest(s.setconfig) c
where c like 'pgrst.db\\_extra\\_search\\_path=%' limit 1
"""
LOCALS = """
select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
  set_config('search_path', $3, true), set_config('request.jwt.claims', $4, true),
  set_config('request.method', $5, true), set_config('request.path', $6, true),
  set_config('request.headers', '{}', true), set_config('request.cookies', '{}', true)
"""
_extra_paths: "WeakKeyDictionary[Connection, str]" = WeakKeyDictionary()
"""What EXTRA_SEARCH_PATH said, per connection."""


class DatabaseFaultError(Exception):
    """The database could not be asked. The message is one line and contains neither address nor password."""

    def __init__(self, message: str, sqlstate: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        """Of Postgres' error; empty if it was none."""
        self.remedy = remedy
        """The GRANT statements that are missing; empty if nothing is, or if it is not known."""


class UnreachableError(DatabaseFaultError):
    """There is no connection to the database."""


class Limits(msgspec.Struct, frozen=True):
    """How long to wait for the database, in milliseconds."""

    statement_ms: int = 5000
    lock_ms: int = 500


class Caller(msgspec.Struct, frozen=True):
    """For whom a statement is planned. An empty ``role`` is the connection's own."""

    role: str = ""
    claims: Mapping[str, Any] = {}
    schema: str = "public"
    method: str = "GET"
    path: str = "/"


@asynccontextmanager
async def connected(uri: str) -> "AsyncIterator[Connection]":
    """A connection that is closed at the end. UnreachableError if there is none, or if the server is too old."""
    connection = await _connect(uri)
    try:
        major = connection.get_server_version().major
        if major < OLDEST:
            raise UnreachableError(f"--db-uri: the server is Postgres {major}; fanin needs {OLDEST} or later")
        yield connection
    finally:
        connection.terminate()


async def _connect(uri: str) -> "Connection":
    try:
        import asyncpg  # noqa: PLC0415 – optional: needed only with a database
    except ImportError as error:
        raise UnreachableError(f"--db-uri: {missing_extra(error.name, 'db')}") from error
    try:
        return await asyncpg.connect(
            uri,
            timeout=CONNECT_TIMEOUT,
            statement_cache_size=0,  # a pooler may give each transaction another server process
            server_settings={"application_name": "fanin"},
        )
    except asyncpg.PostgresError as error:
        why = "the user name or the password is wrong" if str(error.sqlstate).startswith("28") else str(error)
        raise UnreachableError(f"--db-uri: the server refuses the connection: {why}") from error
    except TimeoutError as error:
        raise UnreachableError(f"--db-uri: no server answered in {CONNECT_TIMEOUT:.0f} s: check the address") from error
    except OSError as error:
        raise UnreachableError("--db-uri: no server answers there: check host and port, and that it runs") from error
    except (ValueError, asyncpg.InterfaceError) as error:
        raise UnreachableError("--db-uri: not a connection URI: write postgres://user:password@host/db") from error


@asynccontextmanager
async def rolled_back(
    connection: "Connection", caller: Caller, limits: Limits, writes: bool = False
) -> AsyncIterator[None]:
    """A transaction as PostgREST begins it for ``caller``. Read only without ``writes``; never committed.

    DatabaseFaultError if the role cannot be set, a statement takes too long, or the server reports another error.
    """
    with_errors = _Faults(connection, caller, limits)
    transaction = connection.transaction(readonly=not writes)
    async with with_errors:
        await transaction.start()
        try:
            await _set_locals(connection, caller, limits)
            if not writes:  # a transaction inside another is a savepoint, which has no access mode
                await connection.execute("set local transaction_read_only = on")
            yield
        finally:
            if not connection.is_closed():
                await transaction.rollback()


@asynccontextmanager
async def savepoint(connection: "Connection", limits: Limits) -> AsyncIterator[None]:
    """A part of a transaction that is undone alone if it fails. DatabaseFaultError if the server reports an error."""
    async with _Faults(connection, Caller(), limits), connection.transaction():
        yield


class Attempt(msgspec.Struct, frozen=True):
    """What a statement did that was rolled back."""

    rows: int = 0
    sqlstate: str = ""
    """Of its error; empty if it ran."""
    message: str = ""
    by_constraint: bool = False
    """A constraint of a table refused it: it had passed the privileges and policies, which are checked before."""


async def attempted(connection: "Connection", statement: str) -> Attempt:
    """Run a statement in a savepoint of the present transaction, which is rolled back."""
    import asyncpg  # noqa: PLC0415 – optional

    savepoint = connection.transaction()
    await savepoint.start()
    try:
        status = await connection.execute(statement)
        return Attempt(int(status.rpartition(" ")[2]) if status[-1:].isdigit() else 0)
    except asyncpg.PostgresError as error:
        state = str(error.sqlstate)
        # A domain and the choice of a partition refuse a row before the policies do.
        named = getattr(error, "constraint_name", None) or getattr(error, "column_name", None)
        of_table = bool(named and getattr(error, "table_name", None))
        return Attempt(sqlstate=state, message=str(error), by_constraint=of_table and state.startswith("23"))
    finally:
        await savepoint.rollback()


async def _set_locals(connection: "Connection", caller: Caller, limits: Limits) -> None:
    claims = {**caller.claims, "role": caller.role} if caller.role else dict(caller.claims)
    if connection not in _extra_paths:
        _extra_paths[connection] = str(await connection.fetchval(EXTRA_SEARCH_PATH) or "public")
    extras = [name.strip() for name in _extra_paths[connection].split(",")]
    path = ", ".join(_quoted(name) for name in dict.fromkeys([caller.schema, *extras]) if name)
    timeouts = (str(limits.statement_ms), str(limits.lock_ms))
    text = json.dumps(claims) if claims else ""
    await connection.fetchrow(LOCALS, *timeouts, path, text, caller.method, caller.path)
    if not caller.role:
        return
    for setting in await connection.fetch(ROLE_SETTINGS, caller.role):
        await connection.fetchval("select set_config($1, $2, true)", setting["name"], setting["value"])
    await connection.fetchval("select set_config('role', $1, true)", caller.role)


def _quoted(name: str) -> str:
    return '"' + name.strip('"').replace('"', '""') + '"'


class _Faults:
    """Turns errors of the driver into DatabaseFaultError."""

    def __init__(self, connection: "Connection", caller: Caller, limits: Limits) -> None:
        self._connection = connection
        self._caller = caller
        self._limits = limits

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import asyncpg  # noqa: PLC0415 – as above

        if isinstance(error, asyncpg.PostgresError):
            state = str(error.sqlstate)
            remedy = await self._missing(error) if state == UNPERMITTED else ""
            raise DatabaseFaultError(self._said(state, error), state, remedy) from error
        if isinstance(error, OSError | asyncpg.InterfaceError):
            raise DatabaseFaultError("--db-uri: the connection was lost") from error

    async def _missing(self, error: Exception) -> str:
        """The GRANT that the role of the connection lacks; that of a caller is refused as its requests are."""
        if self._caller.role and "set role" in str(error):
            return await membership(self._asked, self._caller.role)
        return "" if self._caller.role else await for_tables(self._asked, words_of(str(error)), self._caller.schema)

    async def _asked(self, statement: str, *arguments: Any) -> "list[asyncpg.Record]":
        """The rows; none if they cannot be had."""
        import asyncpg  # noqa: PLC0415 – as above

        try:
            async with self._connection.transaction():
                return list(await self._connection.fetch(statement, *arguments))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return []

    def _said(self, state: str, error: Exception) -> str:
        role = self._caller.role
        if state == CANCELED:
            return f"the statement took longer than {self._limits.statement_ms} ms and was cancelled"
        if state == LOCKED:
            return f"a lock was not granted within {self._limits.lock_ms} ms: another session changes the table"
        if role and state in UNDEFINED and "role" in str(error):
            return f"--role: the database has no role '{role}'"
        if role and state == UNPERMITTED and "set role" in str(error):
            return f"--role: the user of --db-uri may not become '{role}': grant it, or connect as PostgREST does"
        return f"Postgres reports {state}: {error}"
