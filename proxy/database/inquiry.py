"""Asks Postgres what statements cost with indexes, and chooses the indexes that are worth it, table by table.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from proxy.advisor.advice import AdvisedIndex, NoIndex, renamed
from proxy.advisor.estimates import estimated_share
from proxy.advisor.existing import wider_index
from proxy.advisor.selection import LEAST, LEAST_BESIDE_WIDER, Candidate, Choice, Indexes, choose
from proxy.advisor.sizes import estimated_size
from proxy.advisor.write_cost import WriteCost, risk
from proxy.database.built_indexes import BuiltIndexes
from proxy.database.questions import Question, Questions
from proxy.database.session import UNPERMITTED, DatabaseFaultError
from proxy.database.trial import WhatIf
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.tree import Plan
from proxy.schema.index_sql import free_name, names_in
from proxy.schema.snapshot import Database
from proxy.sql.relationships import RelationName

PAGE = 8192
MUCH_SAVED = 50.0
"""Cost, in the planner's unit: the reading of a page in order."""
NO_GAIN = "no index that it could use makes its plan cheaper: the filter picks too many rows, or one serves it"
BY_STATISTICS = (
    "no index was tried; by statistics alone, none that it could use picks few enough rows: HypoPG, or --trial on a"
    " copy, proves it"
)


MOST_NAMED = 5
"""Indexes of a table that are named where none was tried."""
TRIAL_REMEDY = "Give --trial on a copy of the database, or CREATE EXTENSION hypopg."

PlannedQuestion = tuple[Question, Plan]
"""A statement with its plan as things are."""


class Proof(msgspec.Struct, frozen=True):
    """By what costs are known: ``hypopg``, ``trial``, or ``none``: by statistics."""

    kind: str
    refused: str = ""
    """Why no index was tried although the operator asked for it."""


class Inquiry:
    """Asks about the statements of ``questions``."""

    def __init__(
        self, asked: WhatIf, database: Database, questions: Questions, proof: Proof, tell: Callable[[str], None]
    ) -> None:
        self._asked = asked
        self._relations = {(each.schema, each.name): each for each in database.relations}
        schemas = {each.schema for each in database.relations}
        self._names = {schema: names_in(schema, database) for schema in schemas}
        self._questions = questions
        self._proof, self._refused = proof.kind, proof.refused
        self._tell = tell

    async def advised(self, wanted: Sequence[ProposedIndex]) -> list[AdvisedIndex]:
        """Those of ``wanted`` that are worth it; the tables whose statements cost most are asked about first."""
        by_table: dict[RelationName, list[ProposedIndex]] = {}
        for index in wanted:
            by_table.setdefault((index.schema, index.table), []).append(index)
        asking: dict[RelationName, list[Question]] = {table: [] for table in by_table}
        for one in self._questions.asked:
            for table in {(index.schema, index.table) for index in one.indexes}.intersection(asking):
                asking[table].append(one)
        advised: list[AdvisedIndex] = []
        order = sorted(by_table, key=lambda table: (-sum(one.weight for one in asking[table]), table))
        for number, table in enumerate(order):
            self._tell(f"indexes: table {number + 1} of {len(order)}, {self._asked.calls} plans")
            advised += await self._advised_for(table, by_table[table], asking[table])
        return [one for one in advised if not self._is_of_whole(one, advised)]

    def _is_of_whole(self, one: AdvisedIndex, advised: Sequence[AdvisedIndex]) -> bool:
        """Whether an index of a partitioned table, which is advised too, puts the same one on this partition."""
        for other in advised:
            if (one.index.schema, one.index.table) in other.index.partitions and _alike(one.index, other.index):
                because = f"index {other.name}, to create on {other.index.schema}.{other.index.table}, serves it"
                table = f"{one.index.schema}.{one.index.table}"
                names = dict.fromkeys(pair.fingerprint for pair in one.plans)
                self._questions.none += [NoIndex(name, because, object=table) for name in names]
                return True
        return False

    async def _advised_for(
        self, table: RelationName, mine: Sequence[ProposedIndex], asking: Sequence[Question]
    ) -> list[AdvisedIndex]:
        """The indexes for one table. What Postgres cannot plan, or only beyond the bound on plans, is not checked."""
        name = ".".join(table)
        failed = await self._asked.plannable([one.statement for one in asking])
        self._questions.none += [
            _unasked(one.of.name, failed[one.statement.text], name, one.statement.caller.role)
            for one in asking
            if one.statement.text in failed
        ]
        planned = [(one, await self._asked.base(one.statement)) for one in asking if one.statement.text not in failed]
        try:
            weighted = [(one, base) for one, base in planned if one.weight]
            choices = await self._chosen(mine, weighted, PAGE * self._relations[table].pages)
            advised = [await self._described(choice, planned) for choice in choices]
        except DatabaseFaultError as error:
            self._questions.none += [_unasked(one, error, name) for one in _names(planned)]
            return []
        helped = {pair.fingerprint for one in advised for pair in one.plans}
        self._tell_why(sorted(set(_names(planned)) - helped), planned, table, frozenset(mine))
        return advised

    def _tell_why(
        self,
        unhelped: Sequence[str],
        planned: Sequence[PlannedQuestion],
        table: RelationName,
        mine: frozenset[ProposedIndex],
    ) -> None:
        """Why these statements get no index on the table. What was not tried is never said to be of no use."""
        wanted = {name: frozenset[ProposedIndex]() for name in unhelped}
        for one, _ in planned:
            if one.of.name in wanted:
                wanted[one.of.name] |= {index for index in one.indexes if (index.schema, index.table) == table}
        if self._proof == "none" and self._refused:
            untried = sorted(mine & frozenset[ProposedIndex]().union(*wanted.values()))
            self._questions.none += [_untried(untried, self._refused, table)] if untried else []
            return
        unchecked = {each.about for each in self._questions.none if not each.checked and each.object == ".".join(table)}
        for name, indexes in wanted.items():
            if name in unchecked:
                continue
            because = BY_STATISTICS if self._proof == "none" else _no_gain(len(indexes & mine), len(indexes - mine))
            self._questions.none.append(NoIndex(name, because, object=".".join(table)))

    async def _chosen(
        self, mine: Sequence[ProposedIndex], planned: Sequence[PlannedQuestion], room: int
    ) -> tuple[Choice, ...]:
        steps = choose([self._candidate(index) for index in mine], room)
        try:
            indexes = next(steps)
            while True:
                indexes = steps.send(await self._costs(planned, indexes))
        except StopIteration as end:
            choices: tuple[Choice, ...] = end.value
        return choices

    def _candidate(self, index: ProposedIndex) -> Candidate:
        relation = self._relations[index.schema, index.table]
        simple = not index.include and wider_index(index, relation) is None
        least = LEAST if simple else LEAST_BESIDE_WIDER
        return Candidate(index, estimated_size(index, relation), least)

    async def _costs(self, planned: Sequence[PlannedQuestion], indexes: Indexes) -> list[float]:
        if self._proof == "none":
            return [self._estimated(one, base, indexes) for one, base in planned]
        if not indexes:
            return [one.weight for one, _ in planned]
        plans = await self._asked.what_ifs([(one.statement, one.could_use(indexes)) for one, _ in planned])
        return [
            one.weight * plan.cost / base.cost
            if base.cost and self._is_worth_it(base, plan, indexes & one.indexes)
            else one.weight
            for (one, base), plan in zip(planned, plans, strict=True)
        ]

    def _estimated(self, one: Question, base: Plan, indexes: Indexes) -> float:
        mine = [(index, self._relations[index.schema, index.table]) for index in indexes & one.from_filters]
        return one.weight * min([1.0, *(estimated_share(index, relation, base) for index, relation in mine)])

    def _is_worth_it(self, before: Plan, after: Plan, indexes: Iterable[ProposedIndex]) -> bool:
        """Whether a gain counts: rows that an index finds already are found fast enough, unless much is saved."""
        tables = {table for index in indexes for table in index.tables}
        whole = any(node.kind == "Seq Scan" and (node.schema, node.relation) in tables for node in before.root.walk())
        return whole or before.cost - after.cost >= MUCH_SAVED or not all(map(self._is_begun, indexes))

    def _is_begun(self, index: ProposedIndex) -> bool:
        """Whether an index exists that begins with the same column."""
        first = index.keys[0].partition(" ")[0]
        known = self._relations[index.schema, index.table].indexes
        return any(each.valid and not each.where and each.keys[0].text == first for each in known)

    def _free_name(self, index: ProposedIndex) -> str:
        """A name that no table or index has, and none has those that its partitions' indexes get by it."""
        taken = self._names[index.schema]
        while True:
            name = free_name(index.name, taken)
            if not any(own in self._names.get(schema, ()) for schema, own in index.names_of_partitions(name)):
                return name
            taken |= {name}

    async def _described(self, choice: Choice, planned: Sequence[PlannedQuestion]) -> AdvisedIndex:
        """An index with the plans of the statements that it makes cheaper."""
        index = choice.index
        name = self._free_name(index)
        statements = [one.statement for one, _ in planned]
        plans = [base for _, base in planned]
        plans = await self._asked.what_if(statements, [index]) if self._proof != "none" else plans
        pairs = [one.pair(base, renamed(plan, name)) for (one, base), plan in zip(planned, plans, strict=True)]
        worth = [pair for pair in pairs if self._is_worth_it(pair.before, pair.after, [index])]
        helped = {pair.fingerprint for pair in worth if pair.gain >= LEAST}
        if self._proof == "none":
            costs = [self._estimated(one, base, frozenset([index])) for one, base in planned]
            helped = {each.of.name for (each, _), cost in zip(planned, costs, strict=True) if cost < each.weight}
        relation = self._relations[index.schema, index.table]
        wider = wider_index(index, relation)
        built = self._asked.built.get(index) if isinstance(self._asked, BuiltIndexes) else None
        size = built.size if built else int(estimated_size(index, relation))
        return AdvisedIndex(
            index,
            name,
            tuple(pair for pair in pairs if pair.fingerprint in helped),
            size,
            built.milliseconds if built else None,
            self._proof,
            choice.runner_up,
            choice.why_lost,
            wider.name if wider else "",
            risk(index, relation, WriteCost(size / max(relation.rows, 1)), self._questions.writes_to(relation)),
        )


def _alike(one: ProposedIndex, other: ProposedIndex) -> bool:
    """Whether two indexes differ in their table alone."""
    shapes = ((each.method, each.keys, each.include, each.where) for each in (one, other))
    return next(shapes) == next(shapes)


def _no_gain(tried: int, untried: int) -> str:
    if not untried:
        return NO_GAIN
    return f"{tried} of the {tried + untried} indexes that it could use were tried, and do not make its plan cheaper"


def _untried(indexes: Sequence[ProposedIndex], refused: str, table: RelationName) -> NoIndex:
    texts = "; ".join(index.create() for index in indexes[:MOST_NAMED])
    more = f"; and {len(indexes) - MOST_NAMED} more" if len(indexes) > MOST_NAMED else ""
    because = f"not tried, for --trial was refused: {texts}{more}"
    return NoIndex(refused, because, False, TRIAL_REMEDY, ".".join(table))


def _names(planned: Sequence[PlannedQuestion]) -> list[str]:
    return list(dict.fromkeys(one.of.name for one, _ in planned))


def _unasked(name: str, error: DatabaseFaultError, table: str, role: str = "") -> NoIndex:
    remedy = error.remedy or "Let the role of --db-uri read and plan it, or audit less traffic."
    if role and error.sqlstate == UNPERMITTED and not error.remedy:
        remedy = f"Requests of {role} are refused as well: let that role read it, or leave them out."
    return NoIndex(name, str(error), False, remedy, table)
