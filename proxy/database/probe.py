"""Tries which rows each API role can write: as that role, with made-up claims, in transactions that are rolled back.

A row that is written is one of at most ``MOST_ROWS``, and no sequence moves where a key may be given as null. Triggers
do not run where the connected role may set ``session_replication_role``. Checksums before and after show that nothing
is left but dead rows.

Tests: tests/e2e/database/test_probe.py.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from proxy.advisor.roles import callers_of
from proxy.database.session import Attempt, Caller, DatabaseFaultError, Limits, attempted, connected, rolled_back
from proxy.schema.access import WRITES, bound_roles
from proxy.schema.names import qualified, quoted
from proxy.schema.outside import reaches_outside
from proxy.schema.relation import Relation, TableColumn
from proxy.schema.snapshot import Database, NotChecked, ProbedWrite, WrittenVerb
from proxy.text.counted import counted

if TYPE_CHECKING:
    from proxy.database.session import Connection

CODE = "FAN029"
MOST_ROWS = 100
"""Rows that one attempt may change."""
SMALL = 10_000
"""Rows up to which a table is changed whole, where the role may not read it so that some rows cannot be picked."""
CHECKED_ROWS = 20_000
"""Rows of which a checksum is made."""
REFUSED, CANCELED = "42501", ("57014", "55P03")
DONE: Mapping[WrittenVerb, str] = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}
SEQUENCES = "select schemaname || '.' || sequencename as name, last_value from pg_sequences order by 1"
NO_TRIGGERS = "set local session_replication_role = replica"
CHECKSUM = """
select count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)
from (select * from {name} limit {rows}) t
"""


async def probed(uri: str, database: Database, limits: Limits) -> Database:
    """The database with what was tried on its exposed tables. DatabaseFaultError if there is no connection."""
    if database.server.replica:
        return _not_checked(database, NotChecked(CODE, "--probe: a replica cannot be written", "Probe the primary."))
    async with connected(uri) as connection:
        return await _Probe(connection, database, limits).run()


def _not_checked(database: Database, *items: NotChecked) -> Database:
    return structs.replace(database, not_checked=(*database.not_checked, *items))


class _Probe:
    """One run over all tables."""

    def __init__(self, connection: "Connection", database: Database, limits: Limits) -> None:
        self._connection, self._database, self._limits = connection, database, limits
        self._triggers_off = False
        self._missing: list[NotChecked] = []
        self._notes: list[str] = []

    async def run(self) -> Database:
        """The database with what was tried."""
        sequences = await self._sequences()
        async with rolled_back(self._connection, Caller(), self._limits, writes=True):
            self._triggers_off = not (await attempted(self._connection, NO_TRIGGERS)).sqlstate
        if not self._triggers_off:
            self._notes.append("--probe: triggers ran, and were rolled back: the role may not switch them off")
        probes = [each for relation in self._tables() async for each in self._table(relation)]
        moved = sorted(name for name, value in (await self._sequences()).items() if value != sequences.get(name))
        if moved:
            self._notes.append(f"--probe moved these sequences, which no rollback undoes: {', '.join(moved)}")
        found = _not_checked(self._database, *self._missing)
        return structs.replace(found, probes=tuple(probes), notes=tuple(self._notes))

    def _tables(self) -> Iterator[Relation]:
        """Those that can be probed; the others are listed."""
        for relation in self._database.own():
            why = reaches_outside(relation, self._database) if relation.is_table else ""
            if why:
                self._miss(relation, why, "Look at it, and try the write on a copy.")
            elif relation.is_table:
                yield relation

    async def _table(self, relation: Relation) -> AsyncIterator[ProbedWrite]:
        """What was tried on a table; nothing unless a checksum can be made of it."""
        try:
            before = await self._checksum(relation)
        except DatabaseFaultError as fault:
            remedy = fault.remedy or "Connect as its owner, or with BYPASSRLS."
            self._miss(relation, f"no checksum can be made of it: {fault}", remedy)
            return
        for role in bound_roles(self._database):
            try:
                async with rolled_back(
                    self._connection, _caller(role, relation, self._database), self._limits, writes=True
                ):
                    await self._switch_triggers_off(role)
                    tried = [(verb, await self._tried(relation, role, verb)) for verb in WRITES]
            except DatabaseFaultError as fault:
                self._miss(relation, f"as {role}: {fault}", fault.remedy or "Connect with a role that may become it.")
                continue
            for verb, attempt in tried:
                if self._is_known(relation, role, verb, attempt, before.startswith("0:")):
                    yield ProbedWrite(role, relation.full_name, verb, _passed(attempt), _in_words(attempt, verb))
        if await self._checksum_after(relation) != before:
            changed = f"the rows of {relation.full_name} changed while it was probed"
            self._notes.append(f"{changed}: by other clients, for each attempt was rolled back")

    async def _switch_triggers_off(self, role: str) -> None:
        """For this transaction, as the connected role: a pooler may give the session to others."""
        if self._triggers_off:
            await self._connection.execute("set local role none")
            await self._connection.execute(NO_TRIGGERS)
            await self._connection.execute(f"set local role {quoted(role)}")

    async def _tried(self, relation: Relation, role: str, verb: WrittenVerb) -> Attempt:
        attempt = Attempt()
        for statement in _attempts(relation, role, verb):
            attempt = await attempted(self._connection, statement)
            if _passed(attempt):
                break
        return attempt

    def _is_known(self, relation: Relation, role: str, verb: WrittenVerb, attempt: Attempt, empty: bool) -> bool:
        """Whether the attempt shows what the role can do; else the table is listed."""
        if attempt.sqlstate in CANCELED:
            self._miss(relation, f"{verb} as {role} took too long", "Raise --statement-timeout or --lock-timeout.")
        elif attempt.sqlstate not in ("", REFUSED) and not attempt.by_constraint:
            self._miss(relation, f"{verb} as {role} failed with {attempt.sqlstate}", "Try the write yourself.")
        elif empty and verb != "INSERT" and not attempt.sqlstate:
            self._miss(relation, f"{verb} as {role} found no row: the table is empty", "Probe a copy with rows.")
        else:
            return True
        return False

    async def _checksum(self, relation: Relation) -> str:
        """The number and a hash of its first rows, as the connected role. DatabaseFaultError if it may not read all."""
        statement = CHECKSUM.format(name=qualified(relation.schema, relation.name), rows=CHECKED_ROWS)
        async with rolled_back(self._connection, Caller(), self._limits):
            await self._connection.execute("set local row_security = off; set local synchronize_seqscans = off")
            return str(await self._connection.fetchval(statement))

    async def _checksum_after(self, relation: Relation) -> str:
        try:
            return await self._checksum(relation)
        except DatabaseFaultError:
            return ""

    async def _sequences(self) -> dict[str, int | None]:
        return {row["name"]: row["last_value"] for row in await self._connection.fetch(SEQUENCES)}

    def _miss(self, relation: Relation, because: str, remedy: str) -> None:
        self._missing.append(NotChecked(CODE, f"--probe: {because}", remedy, relation.full_name))


def _caller(role: str, relation: Relation, database: Database) -> Caller:
    """The claims of nobody: rows that it can write are those of others. Requests without a token have none."""
    claims = callers_of(database).claims(role)
    return Caller(role=role, claims=claims, schema=relation.schema, method="POST", path=f"/{relation.name}")


def _attempts(relation: Relation, role: str, verb: WrittenVerb) -> Iterator[str]:
    """The statements to try: on a few rows that the role can read, else on all rows of a small table."""
    name = qualified(relation.schema, relation.name)
    held = next((each for each in relation.privileges if (each.role, each.verb) == (role, verb)), None)
    columns = [each for each in relation.columns if held is None or not held.columns or each.name in held.columns]
    if verb == "INSERT":
        yield f"insert into {name} {_row(columns)}"
        return
    heads = [f"delete from {name}"]  # noqa: S608 – of quoted names, as below
    if verb == "UPDATE":
        column = next((quoted(each.name) for each in columns if not each.generated and not each.identity), "")
        heads = [f"update {name} set {column} = {new}" for new in (column, "default") if column]  # noqa: S608
    for head in heads:
        yield f"{head} where ctid in (select ctid from {name} limit {MOST_ROWS})"  # noqa: S608
        if max(relation.rows, relation.stats.live if relation.stats else 0) <= SMALL:
            yield head


def _row(columns: Sequence[TableColumn]) -> str:
    """A row of defaults. Keys that a sequence makes are null: policies are checked before NOT NULL."""
    keys = [quoted(each.name) for each in columns if each.identity or "nextval(" in each.default]
    others = [quoted(each.name) for each in columns if not each.generated]
    if keys:
        return f"({', '.join(keys)}) overriding system value values ({', '.join('null' for _ in keys)})"
    return f"({others[0]}) values (default)" if others else "default values"


def _passed(attempt: Attempt) -> bool:
    """Whether rows were written, or a constraint was what refused them."""
    return attempt.by_constraint or (not attempt.sqlstate and attempt.rows > 0)


def _in_words(attempt: Attempt, verb: WrittenVerb) -> str:
    if attempt.by_constraint:
        return f"tried and rolled back: policies let it pass, and a constraint refused it ({attempt.sqlstate})"
    if attempt.sqlstate:
        return f"tried: refused ({attempt.sqlstate})"
    return (
        f"tried and rolled back: {counted(attempt.rows, 'row')} {DONE[verb]}"
        if attempt.rows
        else f"tried: no row was {DONE[verb]}"
    )
