"""Asks the database which indexes the observed calls would gain from, by what-if plans of each.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from proxy.advisor.advice import Advice, AdvisedIndex, NoIndex, ObservedCalls, ObservedStatement, renamed
from proxy.advisor.write_cost import risk
from proxy.database.built_indexes import built_indexes
from proxy.database.inquiry import Inquiry, Proof
from proxy.database.plans import read_declared_schema
from proxy.database.questions import Partitions, Questions, Updates, wanted_by
from proxy.database.session import LOCKED, Caller, DatabaseFaultError, Limits, rolled_back
from proxy.database.trial import HYPOPG_METHODS, MOST_CALLS, WhatIf, trial
from proxy.database.write_trial import write_cost
from proxy.plans.proposed_index import ProposedIndex
from proxy.schema.names import quoted
from proxy.schema.snapshot import Database
from proxy.sql.relationships import RelationName
from proxy.text.counted import counted

if TYPE_CHECKING:
    from proxy.database.session import Connection


REFUSED = "select rolname::text as name from pg_roles where rolname = any($1) and not pg_has_role(oid, 'member')"
"""The roles that the role of the connection may not become."""
PARTITIONS = """
select n.nspname::text as schema, p.relname::text as name, bool_and(c.relkind = 'r') as plain,
  sum(greatest(c.relpages, 0))::int8 as pages, array_agg(s.nspname::text order by s.nspname, c.relname) as schemas,
  array_agg(c.relname::text order by s.nspname, c.relname) as names
from pg_inherits h join pg_class p on p.oid = h.inhparent and p.relkind = 'p'
join pg_namespace n on n.oid = p.relnamespace
join pg_class c on c.oid = h.inhrelid join pg_namespace s on s.oid = c.relnamespace group by 1, 2
"""
"""The partitioned tables that have partitions, with these."""


async def _partitions(connection: "Connection") -> Mapping[RelationName, Partitions]:
    return {
        (row["schema"], row["name"]): Partitions(
            tuple(zip(row["schemas"], row["names"], strict=True)), row["pages"], row["plain"]
        )
        for row in await connection.fetch(PARTITIONS)
    }


def _tell_nobody(_: str) -> None:
    pass


class AdvisorSettings(msgspec.Struct, frozen=True):
    """How the advisor asks."""

    limits: Limits = Limits()
    trial_told: int = 0
    """How often the operator asked for a trial, with which indexes are built and statements run."""
    refused: str = ""
    """Why a trial was refused that the operator asked for."""
    most_plans: int = MOST_CALLS
    tell: Callable[[str], None] = _tell_nobody
    """Is told what is being done."""


async def advise(
    connection: "Connection",
    database: Database,
    observed: Sequence[ObservedCalls | ObservedStatement],
    settings: AdvisorSettings,
    writes: Mapping[str, int] | None = None,
    updates: Updates | None = None,
) -> Advice:
    """The indexes that ``observed`` would gain from; ``writes`` are writes by relation. DatabaseFaultError.

    ``updates`` has the columns that updates set; None if no source shows it.
    """
    schema = database.schemas[0] if database.schemas else "public"
    async with rolled_back(connection, Caller(), settings.limits):
        declared = await read_declared_schema(connection, schema)
        roles = sorted({one.role for one in observed if isinstance(one, ObservedCalls)})
        refused = {row["name"] for row in await connection.fetch(REFUSED, roles)}
        own = str(await connection.fetchval("select session_user")) if refused else ""
        partitions = await _partitions(connection) if settings.trial_told else {}
    questions = Questions(database, declared, writes or {}, updates=updates, partitions=partitions)
    questions.none += [_not_as(role, own) for role in sorted(refused)]
    for one in sorted(observed, key=lambda each: (-each.seconds, _name(each))):
        if isinstance(one, ObservedCalls):
            unknown = one.role in refused
            questions.add_calls(msgspec.structs.replace(one, role="", claims={}) if unknown else one)
        else:
            questions.add_statement(one)
    return await answer(connection, database, questions, settings, sum(one.seconds for one in observed))


def _not_as(role: str, own: str) -> NoIndex:
    because = f"calls of {role} are planned as the role of --db-uri, which may not become it: without its policies"
    return NoIndex(f"role {role}", because, False, f"GRANT {quoted(role)} TO {quoted(own)};")


def _name(one: ObservedCalls | ObservedStatement) -> str:
    return one.seen.fingerprint if isinstance(one, ObservedCalls) else one.text


async def answer(
    connection: "Connection", database: Database, questions: Questions, settings: AdvisorSettings, seconds: float
) -> Advice:
    """The indexes that the statements of ``questions`` would gain from. DatabaseFaultError."""
    limits, told = settings.limits, settings.trial_told
    wanted = wanted_by(questions.asked)
    async with AsyncExitStack() as stack:
        asked, proof = WhatIf(connection, limits, settings.most_plans), "none"
        if told:
            settings.tell(f"--trial: building {counted(len(wanted), 'index', 'indexes')}")
            tried = await stack.enter_async_context(built_indexes(connection, wanted, limits, told))
            questions.none += [_not_built(index, why) for index, why in tried.failed.items()]
            wanted, asked, proof = list(tried.built), tried, "trial"
        elif await asked.available():
            proof = "hypopg"
        wanted = _provable(wanted, proof, questions)
        inquiry = Inquiry(asked, database, questions, Proof(proof, settings.refused), settings.tell)
        advised = await inquiry.advised(wanted)
    if proof == "trial":
        advised = [await _measured(connection, one, questions, settings) for one in advised]
    advised.sort(key=lambda one: -sum(pair.gain * pair.seconds for pair in one.plans))
    return Advice(tuple(advised), tuple(dict.fromkeys(questions.none)), asked.calls, seconds)


def _not_built(index: ProposedIndex, why: DatabaseFaultError) -> NoIndex:
    if why.sqlstate == LOCKED:
        remedy = "Audit again when no other session changes the table, or raise --lock-timeout."
    else:
        remedy = why.remedy or "Let the role of --db-uri own the table, or ask for the plan with the index by hand."
    return NoIndex(index.create(), f"--trial could not build it: {why}", False, remedy, f"{index.schema}.{index.table}")


def _provable(wanted: Sequence[ProposedIndex], proof: str, questions: Questions) -> list[ProposedIndex]:
    """The indexes that can be asked about; the others are not checked."""
    if proof == "trial":
        return list(wanted)
    because = "HypoPG has no such indexes" if proof == "hypopg" else "statistics alone cannot tell what it saves"
    left = [index for index in wanted if index.method not in HYPOPG_METHODS or any("(" in key for key in index.keys)]
    if proof == "hypopg":
        left = [index for index in left if index.method not in HYPOPG_METHODS]
    else:  # what a policy adds is seen in a plan only; how many rows have a key and a null is in no statistics
        known = frozenset[ProposedIndex]().union(*(one.from_filters for one in questions.asked))
        left += [index for index in wanted if (index.is_for_nulls or index not in known) and index not in left]
    questions.none += [
        NoIndex(index.create(), because, False, _proved_by(index), f"{index.schema}.{index.table}") for index in left
    ]
    return [index for index in wanted if index not in left]


def _proved_by(index: ProposedIndex) -> str:
    return "Use --trial on a copy" + (", or CREATE EXTENSION hypopg." if index.method in HYPOPG_METHODS else ".")


async def _measured(
    connection: "Connection", one: AdvisedIndex, questions: Questions, settings: AdvisorSettings
) -> AdvisedIndex:
    """The same with times: its statements are run without and with the index, and rows are written to a copy."""
    settings.tell(f"--trial: measuring {one.name}")
    wanted = {(pair.fingerprint, pair.label) for pair in one.plans}
    asked = [each for each in questions.asked if (each.of.name, each.label) in wanted]
    if not asked:
        return one
    statements = [each.statement for each in asked]
    try:
        result = await trial(connection, statements, [one.index], settings.limits, settings.trial_told)
    except DatabaseFaultError as error:  # its plans are those with the index, which had been built
        because, table = f"--trial could not measure it: {error}", f"{one.index.schema}.{one.index.table}"
        questions.none.append(NoIndex(one.index.create(), because, False, "Audit again.", table))
        return one
    plans = [
        each.pair(before, renamed(after, one.name))
        for each, before, after in zip(asked, result.before, result.after, strict=True)
    ]
    (built,) = result.built
    relation = questions.relation(one.index)
    cost = await write_cost(connection, one.index, built.size / max(relation.rows, 1), settings.limits)
    return msgspec.structs.replace(
        one,
        plans=tuple(plans),
        size=built.size,
        build_ms=built.milliseconds,
        risk=risk(one.index, relation, cost, questions.writes_to(relation)),
    )
