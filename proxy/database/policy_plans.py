"""Asks Postgres whether indexes would serve the policies of tables: by HypoPG, or by real ones that are rolled back.

Tests: tests/e2e/database/test_policy_indexes.py.
"""

from collections.abc import AsyncIterator, Iterator, Sequence

from msgspec import structs

from proxy.advisor.advice import renamed
from proxy.advisor.roles import callers_of
from proxy.database.built_indexes import built_indexes
from proxy.database.session import Caller, DatabaseFaultError, Limits, connected
from proxy.database.trial import CalledStatement, WhatIf
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.tree import Plan
from proxy.plans.words import lines
from proxy.schema.access import bound_roles
from proxy.schema.names import qualified, quoted
from proxy.schema.policy_search import PolicySearch, key_text, picks_few, searches, unindexed
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database, PolicyPlan

LEAST = 0.1
"""Share of the estimated cost that indexes must save."""
Asked = tuple[Relation, PolicySearch, list[ProposedIndex]]


async def with_policy_plans(
    uri: str, database: Database, limits: Limits, trial_told: int, least: tuple[int, int]
) -> Database:
    """The database with what the planner says, or why it does not. Unchanged without HypoPG and a trial.

    ``least`` are the fewest rows of a table, and the fewest different values of a column, that are asked about.
    """
    asked = list(_asked(database, *least))
    if not asked:
        return database
    try:
        plans = [plan async for plan in _plans(uri, database, asked, limits, trial_told)]
    except DatabaseFaultError as error:
        plans = [_unknown(search.id(relation), error) for relation, search, _ in asked]
    return structs.replace(database, policy_plans=tuple(plans))


async def _plans(
    uri: str, database: Database, asked: Sequence[Asked], limits: Limits, trial_told: int
) -> AsyncIterator[PolicyPlan]:
    async with connected(uri) as connection:
        what_if = WhatIf(connection, limits)
        if await what_if.available():
            for one in asked:
                yield await _plan(what_if, database, *one)
        elif trial_told:
            wanted = sorted({index for _, _, indexes in asked for index in indexes})
            async with built_indexes(connection, wanted, limits, trial_told) as built:
                for relation, search, indexes in asked:
                    failed = next((built.failed[index] for index in indexes if index in built.failed), None)
                    if failed is not None:
                        yield _unknown(search.id(relation), failed)
                    else:
                        yield await _plan(built, database, relation, search, indexes)


def _unknown(search: tuple[str, ...], error: DatabaseFaultError, role: str = "") -> PolicyPlan:
    remedy = error.remedy or "Let --db-uri own the tables and become the API roles, and audit again."
    return PolicyPlan(search, unknown=f"as {role}: {error}" if role else str(error), remedy=remedy)


def _asked(database: Database, min_rows: int, min_values: int) -> Iterator[Asked]:
    """What can be planned: reads by an API role that may read the whole table."""
    known: set[tuple[str, ...]] = set()
    for relation in database.own():
        if relation.kind not in ("r", "m") or not relation.row_security or relation.rows < min_rows:
            continue
        for search in searches(relation, database, lambda column: picks_few(column, min_values)):
            if search.verb == "SELECT" and search.id(relation) not in known and _readers(search, relation, database):
                known.add(search.id(relation))
                keys = [key_text(relation, key) for key in search.missing]
                keys += [quoted(name) for name in unindexed(relation, search.doubtful)]
                yield relation, search, [ProposedIndex(relation.schema, relation.name, (key,)) for key in keys]


def _readers(search: PolicySearch, relation: Relation, database: Database) -> list[str]:
    """The API roles of a search that may read all columns."""
    reading = {one.role for one in relation.privileges if one.verb == "SELECT" and not one.columns}
    return [role for role in bound_roles(database) if role in search.roles and role in reading]


async def _plan(
    what_if: WhatIf, database: Database, relation: Relation, search: PolicySearch, indexes: Sequence[ProposedIndex]
) -> PolicyPlan:
    role = _readers(search, relation, database)[0]
    caller = Caller(role, callers_of(database).claims(role), relation.schema)
    text = f"select * from {qualified(relation.schema, relation.name)}"  # noqa: S608 – a quoted name
    name = search.id(relation)
    try:
        before = await what_if.base(CalledStatement(text, caller))
        (after,) = await what_if.what_if([CalledStatement(text, caller)], indexes)
    except DatabaseFaultError as error:
        return _unknown(name, error, role)
    used = any(node.index.startswith(("<", "fanin_trial_")) for node in after.root.walk())
    return PolicyPlan(
        name,
        used and before.cost - after.cost >= LEAST * before.cost,
        (f"{text}, as {role}", *_told("before", before), *_told("after", renamed(after, "the new one"))),
    )


def _told(when: str, plan: Plan) -> Iterator[str]:
    return (f"{when}: {line}" for line in lines(plan))
