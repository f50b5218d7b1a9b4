"""Asks the database which indexes the observed calls would gain from, by what-if plans of each.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from proxy.advisor.advice import Advice, AdvisedIndex, NoIndex, ObservedCalls, PlanPair, renamed
from proxy.advisor.candidates import candidates, policy_candidates
from proxy.advisor.estimates import estimated_share
from proxy.advisor.existing import equal_index, wider_index
from proxy.advisor.levels import read_levels
from proxy.advisor.selection import LEAST, LEAST_BESIDE_WIDER, Candidate, Choice, Indexes, choose
from proxy.advisor.sizes import SMALL_PAGES, estimated_size
from proxy.database.built_indexes import BuiltIndexes, built_indexes
from proxy.database.plans import read_declared_schema
from proxy.database.session import Caller, DatabaseFaultError, Limits
from proxy.database.trial import HYPOPG_METHODS, CalledStatement, WhatIf, trial
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.statements import facts_of_database, statements_of
from proxy.schema.snapshot import Database
from proxy.sql.expressions import UnwritableError
from proxy.sql.fingerprints import request_of
from proxy.sql.relationships import DeclaredSchema, RelationName

if TYPE_CHECKING:
    from proxy.database.session import Connection
    from proxy.plans.tree import Plan

MUCH_WRITTEN = 10
"""A table with so many times more writes than reads gets no index."""


class _Question(msgspec.Struct, frozen=True):
    """A statement to plan, with what its calls cost."""

    of: ObservedCalls
    label: str
    statement: CalledStatement
    weight: float
    indexes: frozenset[ProposedIndex]

    def pair(self, before: "Plan", after: "Plan") -> PlanPair:
        """Its plans without and with an index."""
        return PlanPair(self.of.seen.fingerprint, self.label, self.of.calls, self.of.seconds, before, after)


class _Collected(msgspec.Struct):
    questions: list[_Question] = []
    none: list[NoIndex] = []
    writes: Mapping[str, int] = {}
    from_filters: set[ProposedIndex] = msgspec.field(default_factory=set)
    """Those that filters, orders and embeds could use; the others are for policies."""

    def writes_of(self, table: RelationName) -> int:
        """Observed writes to a table; a name without schema is one of the first schema."""
        return self.writes.get(".".join(table), self.writes.get(table[1], 0))


async def advise(
    connection: "Connection",
    database: Database,
    observed: Sequence[ObservedCalls],
    limits: Limits,
    trial_told: int = 0,
    writes: Mapping[str, int] | None = None,
) -> Advice:
    """The indexes that ``observed`` would gain from. ``trial_told`` is how often the operator asked for a trial, with
    which indexes are built and statements run; ``writes`` are writes by relation. DatabaseFaultError.
    """
    schema = database.schemas[0] if database.schemas else "public"
    declared = await read_declared_schema(connection, schema)
    found = _Collected(writes=writes or {})
    for one in sorted(observed, key=lambda each: (-each.seconds, each.seen.fingerprint)):
        _collect(one, database, declared, found)
    wanted = sorted(frozenset().union(*(one.indexes for one in found.questions)))
    async with AsyncExitStack() as stack:
        asked, proof = WhatIf(connection, limits), "none"
        if trial_told:
            asked, proof = (
                await stack.enter_async_context(built_indexes(connection, wanted, limits, trial_told)),
                "trial",
            )
        elif await asked.available():
            unasked = [index for index in wanted if index.method not in HYPOPG_METHODS]
            found.none += [
                NoIndex(index.create(), "HypoPG has no such indexes: --trial on a copy proves it") for index in unasked
            ]
            wanted, proof = [index for index in wanted if index not in unasked], "hypopg"
        else:
            wanted = [index for index in wanted if index in found.from_filters]  # a policy's part needs a plan
        advised = await _Inquiry(asked, database, found, proof).advised(wanted)
    if proof == "trial":
        advised = [await _measured(connection, one, found, limits, trial_told) for one in advised]
    seconds = sum(one.seconds for one in observed)
    advised.sort(key=lambda one: -sum(pair.gain * pair.seconds for pair in one.plans))
    return Advice(tuple(advised), tuple(dict.fromkeys(found.none)), asked.calls, seconds)


def _collect(one: ObservedCalls, database: Database, declared: DeclaredSchema, found: _Collected) -> None:
    seen, facts_of = one.seen, facts_of_database(database)
    if not seen.fingerprint.startswith(("GET ", "HEAD ")):
        return
    try:
        made = statements_of(seen, declared, facts_of)
        request = request_of(seen.fingerprint, seen.limit, seen.offset, seen.prefers)
    except UnwritableError as error:
        found.none.append(NoIndex(seen.fingerprint, f"no exact SQL is known for {error}"))
        return
    values = made.chosen.sets[0].values
    constants = {
        (param.table, param.column): values[param.number]
        for param in made.sql.parameters
        if param.column in made.chosen.constant and not param.path
    }
    indexes: set[ProposedIndex] = set()
    for level in read_levels(request, declared):
        relation = database.relation(*level.table)
        reason = _why_none(level.table, database, one, found.writes_of(level.table))
        if relation is None or reason:
            found.none += [NoIndex(seen.fingerprint, reason)] if reason else []
            continue
        new = candidates(level, relation, database, constants)
        found.from_filters |= new
        for index in sorted(new | policy_candidates(relation)):
            served = equal_index(index, relation)
            if served is None:
                indexes.add(index)
            else:
                found.none.append(
                    NoIndex(seen.fingerprint, f"index {served.name} has the keys {', '.join(index.keys)}")
                )
    present = [each for each in made.rows if each.label != "absent"] or list(made.rows)
    for each in made.rows:
        statement = CalledStatement(each.text, Caller(one.role, {}, made.sql.relations[0][0]))
        weight = (one.seconds or one.calls / 1000) / len(present) if each in present else 0.0
        found.questions.append(_Question(one, each.label, statement, weight, frozenset(indexes)))


def _why_none(table: RelationName, database: Database, one: ObservedCalls, written: int) -> str:
    """Why a table gets no index; empty if it may."""
    relation = database.relation(*table)
    name = ".".join(table)
    if relation is None or relation.kind not in ("r", "p", "m"):
        return f"{name} is no table"
    if relation.rows < 0:
        return f"{name} has no statistics: run ANALYZE on it"
    if relation.pages < SMALL_PAGES:
        return f"{name} is small: {relation.pages} pages, which Postgres reads as fast as an index"
    if written > MUCH_WRITTEN * max(1, one.calls):
        return f"{name} is written more than read: {written} writes, {one.calls} calls"
    return ""


class _Inquiry:
    """Asks what the statements cost with indexes. ``proof`` says by what: ``hypopg``, ``trial``, or ``none``."""

    def __init__(self, asked: WhatIf, database: Database, found: _Collected, proof: str) -> None:
        self._asked = asked
        self._database = database
        self._found = found
        self._proof = proof

    async def advised(self, wanted: Sequence[ProposedIndex]) -> list[AdvisedIndex]:
        """Those of ``wanted`` that are worth it."""
        self._found.questions = await self._plannable()
        advised = []
        for table in sorted({(index.schema, index.table) for index in wanted}):
            mine = [index for index in wanted if (index.schema, index.table) == table]
            questions = [one for one in self._found.questions if one.indexes.intersection(mine)]
            choices = await self._chosen(mine, questions)
            advised += [await self._described(choice, questions) for choice in choices]
            used = {question.of.seen.fingerprint for question in questions}
            helped = {pair.fingerprint for one in advised for pair in one.plans}
            reason = (
                "no index that it could use makes its plan cheaper: the filter picks too many rows, or one serves it"
            )
            self._found.none += [NoIndex(fingerprint, reason) for fingerprint in sorted(used - helped)]
        return advised

    async def _plannable(self) -> list[_Question]:
        """The statements that Postgres can plan. Of the others, as on a table that may not be read, it says why."""
        plannable = []
        for one in self._found.questions:
            try:
                await self._asked.base(one.statement)
            except DatabaseFaultError as error:
                self._found.none.append(NoIndex(one.of.seen.fingerprint, f"not checked: {error}"))
            else:
                plannable.append(one)
        return plannable

    async def _chosen(self, mine: Sequence[ProposedIndex], questions: Sequence[_Question]) -> tuple[Choice, ...]:
        steps = choose([_candidate(index, self._database) for index in mine])
        try:
            indexes = next(steps)
            while True:
                indexes = steps.send([await self._cost(one, indexes) for one in questions])
        except StopIteration as end:
            choices: tuple[Choice, ...] = end.value
        return choices

    async def _cost(self, one: _Question, indexes: Indexes) -> float:
        base = await self._asked.base(one.statement)
        if self._proof == "none":
            mine = [(index, self._database.relation(index.schema, index.table)) for index in indexes & one.indexes]
            return one.weight * min([1.0, *(estimated_share(index, each, base) for index, each in mine if each)])
        if not indexes or not base.cost:
            return one.weight
        (plan,) = await self._asked.what_if([one.statement], sorted(indexes))
        return one.weight * plan.cost / base.cost

    async def _described(self, choice: Choice, questions: Sequence[_Question]) -> AdvisedIndex:
        """An index with the plans of the statements that it makes cheaper."""
        index, pairs = choice.index, []
        for one in questions:
            before = await self._asked.base(one.statement)
            (after,) = await self._asked.what_if([one.statement], [index]) if self._proof != "none" else (before,)
            pairs.append(one.pair(before, renamed(after, index.name)))
        helped = {pair.fingerprint for pair in pairs if pair.gain >= LEAST}
        if self._proof == "none":
            helped = {each.of.seen.fingerprint for each in questions if index in each.indexes}
        relation = self._database.relation(index.schema, index.table)
        wider = None if relation is None else wider_index(index, relation)
        built = self._asked.built.get(index) if isinstance(self._asked, BuiltIndexes) else None
        size = built.size if built else int(estimated_size(index, relation)) if relation else 0
        return AdvisedIndex(
            index,
            tuple(pair for pair in pairs if pair.fingerprint in helped),
            size,
            built.milliseconds if built else None,
            self._proof,
            choice.runner_up,
            choice.why_lost,
            wider.name if wider else "",
            self._found.writes_of((index.schema, index.table)),
        )


def _candidate(index: ProposedIndex, database: Database) -> Candidate:
    relation = database.relation(index.schema, index.table)
    assert relation is not None  # noqa: S101 – candidates are made of its columns
    least = LEAST if wider_index(index, relation) is None else LEAST_BESIDE_WIDER
    return Candidate(index, estimated_size(index, relation), least)


async def _measured(
    connection: "Connection", one: AdvisedIndex, found: _Collected, limits: Limits, told: int
) -> AdvisedIndex:
    """The same with times: its statements are run without and with the index."""
    wanted = {(pair.fingerprint, pair.label) for pair in one.plans}
    questions = [each for each in found.questions if (each.of.seen.fingerprint, each.label) in wanted]
    if not questions:
        return one
    result = await trial(connection, [each.statement for each in questions], [one.index], limits, told)
    plans = [
        each.pair(before, renamed(after, one.index.name))
        for each, before, after in zip(questions, result.before, result.after, strict=True)
    ]
    (built,) = result.built
    return msgspec.structs.replace(one, plans=tuple(plans), size=built.size, build_ms=built.milliseconds)
