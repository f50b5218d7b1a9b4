"""What statements would cost with indexes that do not exist: asked of HypoPG, or tried with real ones.

HypoPG's indexes belong to the connection and are never built. Real ones are built in a transaction that is rolled
back; until then the table cannot be written to, so a trial is for a copy of the database.

https://hypopg.readthedocs.io/

Tests: tests/e2e/findings/test_trial.py.
"""

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from proxy.database.plans import plan_of
from proxy.database.session import Caller, DatabaseFaultError, Limits, rolled_back
from proxy.plans.proposed_index import ProposedIndex, of_tables
from proxy.plans.tree import Plan

if TYPE_CHECKING:
    from proxy.database.session import Connection

MOST_CALLS = 20_000
"""Plans that one advisor may ask for."""
BUILD_MS = 60_000
"""Longest time for building one index."""
HYPOPG_METHODS = frozenset(("btree", "hash", "brin"))

EXTENSION = """
select quote_ident(n.nspname) from pg_extension e
join pg_namespace n on n.oid = e.extnamespace where e.extname = 'hypopg'
"""
OTHERS = """
select pg_is_in_recovery() as replica, count(*) filter (where backend_type = 'client backend') as clients
from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()
  and application_name not in ('fanin', 'fanin audit')
"""
"""fanin's own connections write nothing; one that was just closed may be listed for a moment."""
BUILT = """
select c.relname::text as name, x.indcheckxmin as unusable, pg_relation_size(c.oid) + coalesce((
  select sum(pg_relation_size(p.relid)) from pg_partition_tree(c.oid) p where p.relid <> c.oid), 0)::int8 as size
from pg_class c join pg_index x on x.indexrelid = c.oid where c.oid = $1::text::regclass
"""


class CalledStatement(msgspec.Struct, frozen=True):
    """A statement without parameters, and who runs it."""

    text: str
    caller: Caller


class WhatIf:
    """Plans of statements with indexes that do not exist, counted, cached and bounded.

    Only indexes of the relations in a statement's own plan are asked about, so that equal questions are asked once.
    """

    def __init__(self, connection: "Connection", limits: Limits, most_calls: int = MOST_CALLS) -> None:
        self.calls = 0
        """Plans that Postgres was asked for."""
        self._connection = connection
        self._limits = limits
        self._most_calls = most_calls
        self._plans: dict[tuple[str, frozenset[ProposedIndex]], Plan] = {}
        self._schema: str | None = None

    async def available(self) -> bool:
        """Whether HypoPG is installed in the database."""
        self._schema = await self._connection.fetchval(EXTENSION)
        return self._schema is not None

    async def base(self, statement: CalledStatement) -> Plan:
        """The plan as things are. Raises DatabaseFaultError."""
        return (await self._planned([statement], frozenset()))[0]

    async def plannable(self, statements: Sequence[CalledStatement]) -> dict[str, DatabaseFaultError]:
        """Asks for the plans as things are; per statement that has none, by its text, why."""
        failed: dict[str, DatabaseFaultError] = {}
        try:
            await self._planned(statements, frozenset())
        except DatabaseFaultError:
            for one in statements:
                try:
                    await self.base(one)
                except DatabaseFaultError as error:
                    failed[one.text] = error
        return failed

    async def what_if(self, statements: Sequence[CalledStatement], indexes: Sequence[ProposedIndex]) -> list[Plan]:
        """The plans with ``indexes``. DatabaseFaultError as ``what_ifs``."""
        return await self.what_ifs([(one, frozenset(indexes)) for one in statements])

    async def what_ifs(self, asked: Sequence[tuple[CalledStatement, frozenset[ProposedIndex]]]) -> list[Plan]:
        """The plan of each statement with its indexes. DatabaseFaultError without HypoPG, for an index that it does not
        know, when Postgres reports an error, and once ``most_calls`` were made.
        """
        await self._check({index for _, indexes in asked for index in indexes})
        statements = [one for one, _ in asked]
        plans = await self._planned(statements, frozenset())
        groups: dict[frozenset[ProposedIndex], list[int]] = {}
        for number, (_, indexes) in enumerate(asked):
            groups.setdefault(of_tables(indexes, plans[number].relations), []).append(number)
        for relevant, numbers in groups.items():
            found = await self._planned([statements[number] for number in numbers], relevant)
            for number, plan in zip(numbers, found, strict=True):
                plans[number] = plan
        return plans

    async def _check(self, indexes: Iterable[ProposedIndex]) -> None:
        """DatabaseFaultError if plans with these indexes cannot be asked for."""
        if self._schema is None and not await self.available():
            raise DatabaseFaultError("HypoPG is not installed: CREATE EXTENSION hypopg, or use --trial on a copy")
        unknown = next((index.method for index in indexes if index.method not in HYPOPG_METHODS), None)
        if unknown is not None:
            raise DatabaseFaultError(f"HypoPG has no {unknown} indexes: use --trial on a copy")

    async def _planned(self, statements: Sequence[CalledStatement], indexes: frozenset[ProposedIndex]) -> list[Plan]:
        """The plans, of which those that are not known yet are asked for in one transaction."""
        keys = [(_key(statement), indexes) for statement in statements]
        new = {key: one for key, one in zip(keys, statements, strict=True) if key not in self._plans}
        if self.calls + len(new) > self._most_calls:
            raise DatabaseFaultError(f"more than {self._most_calls} plans would be needed")
        if new:
            self.calls += len(new)
            self._plans |= zip(new, await self._asked(list(new.values()), indexes), strict=True)
        return [self._plans[key] for key in keys]

    async def _asked(self, statements: Sequence[CalledStatement], indexes: frozenset[ProposedIndex]) -> list[Plan]:
        if not indexes:
            return await self._explained(statements)
        create = f"select count(*) from {self._schema}.hypopg_create_index($1)"  # noqa: S608 – a quoted name
        reset = f"select {self._schema}.hypopg_reset()"
        first = statements[0].caller
        alike = not first.role and all(one.caller == first for one in statements)
        try:
            async with rolled_back(self._connection, first if alike else Caller(), self._limits):
                # In one transaction, for which a pooler keeps the server process.
                await self._connection.execute(reset)
                for index in sorted(indexes):
                    await self._connection.fetchval(create, index.create())
                if alike:
                    plans = [await plan_of(self._connection, one.text) for one in statements]
                else:
                    plans = await self._explained(statements)
                await self._connection.execute(reset)
                return plans
        except DatabaseFaultError:
            if not self._connection.is_closed():
                await self._connection.execute(reset)
            raise

    async def _explained(self, statements: Sequence[CalledStatement]) -> list[Plan]:
        """The plans in the order of the statements; those of one caller are asked for together."""
        plans: dict[int, Plan] = {}
        callers: dict[str, list[int]] = {}
        for number, one in enumerate(statements):
            callers.setdefault(_key_of(one.caller), []).append(number)
        for numbers in callers.values():
            async with rolled_back(self._connection, statements[numbers[0]].caller, self._limits):
                for number in numbers:
                    plans[number] = await plan_of(self._connection, statements[number].text)
        return [plans[number] for number in range(len(statements))]


def _key(statement: CalledStatement) -> str:
    """Equal for equal questions; claims cannot be hashed."""
    return repr((statement.text, _key_of(statement.caller)))


def _key_of(caller: Caller) -> str:
    return repr((caller.role, sorted(caller.claims.items()), caller.schema))


class BuiltIndex(msgspec.Struct, frozen=True):
    """An index that was built for a trial."""

    index: ProposedIndex
    name: str
    size: int
    """Bytes."""
    milliseconds: float
    """Time of building it."""
    unusable: bool
    """Whether rows had been updated so that Postgres may not use it in the transaction that built it."""


class TrialResult(msgspec.Struct, frozen=True):
    """Plans with what was measured, per statement; each is the fastest of some runs."""

    before: tuple[Plan, ...]
    after: tuple[Plan, ...]
    built: tuple[BuiltIndex, ...]


async def why_no_trial(connection: "Connection", told: int) -> str:
    """Why indexes may not be built here; empty if they may. ``told`` is how often the operator asked for a trial."""
    row = await connection.fetchrow(OTHERS)
    if row is None or row["replica"]:
        return "--trial: this is a replica, which cannot build an index: use a copy of the database"
    if row["clients"] and told < 2:
        return (
            f"--trial: {row['clients']} other clients use this database, and could not write to a table while an index"
            " is built: use a copy, or give --trial twice"
        )
    return ""


async def trial(
    connection: "Connection",
    statements: Sequence[CalledStatement],
    indexes: Sequence[ProposedIndex],
    limits: Limits,
    told: int = 1,
    runs: int = 3,
) -> TrialResult:
    """Run the statements, build the indexes, run them again, and roll all back. DatabaseFaultError if that may not be,
    or cannot be: the connection's user has to own the tables.
    """
    refused = await why_no_trial(connection, told)
    if refused:
        raise DatabaseFaultError(refused)
    async with rolled_back(connection, Caller(), limits_for(limits), writes=True):
        before = [await _fastest(connection, statement, limits, runs) for statement in statements]
        built = [await build_index(connection, index, number) for number, index in enumerate(indexes)]
        after = [await _fastest(connection, statement, limits, runs) for statement in statements]
    return TrialResult(tuple(before), tuple(after), tuple(built))


def limits_for(limits: Limits) -> Limits:
    """The limits while indexes are built."""
    return msgspec.structs.replace(limits, statement_ms=max(BUILD_MS, limits.statement_ms))


async def build_index(connection: "Connection", index: ProposedIndex, number: int) -> BuiltIndex:
    """Build an index in the current transaction."""
    name = f"fanin_trial_{number}"
    begin = time.perf_counter()
    await connection.execute(index.create(name))
    elapsed = (time.perf_counter() - begin) * 1000
    quoted = '"' + index.schema.replace('"', '""') + '"'
    row = await connection.fetchrow(BUILT, f"{quoted}.{name}")
    if row is None:
        raise DatabaseFaultError(f"--trial: the index on {index.schema}.{index.table} is gone after it was built")
    return BuiltIndex(index, name, row["size"], elapsed, row["unusable"])


async def _fastest(connection: "Connection", statement: CalledStatement, limits: Limits, runs: int) -> Plan:
    plans = []
    for _ in range(runs):
        async with rolled_back(connection, statement.caller, limits):  # a savepoint, in which nothing can be written
            plans.append(await plan_of(connection, statement.text, analyze=True))
    return min(plans, key=lambda plan: plan.execution_ms or 0.0)
