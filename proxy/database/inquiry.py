"""Asks Postgres what statements cost with indexes, and chooses the indexes that are worth it, table by table.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import Callable, Iterable, Sequence

from proxy.advisor.advice import AdvisedIndex, NoIndex, renamed
from proxy.advisor.estimates import estimated_share
from proxy.advisor.existing import wider_index
from proxy.advisor.selection import LEAST, LEAST_BESIDE_WIDER, Candidate, Choice, Indexes, choose
from proxy.advisor.sizes import estimated_size
from proxy.database.built_indexes import BuiltIndexes
from proxy.database.questions import Question, Questions
from proxy.database.session import DatabaseFaultError
from proxy.database.trial import WhatIf
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.tree import Plan
from proxy.schema.index_sql import free_name
from proxy.schema.snapshot import Database

MUCH_SAVED = 50.0
"""Cost, in the planner's unit: the reading of a page in order."""
NO_GAIN = "no index that it could use makes its plan cheaper: the filter picks too many rows, or one serves it"


class Inquiry:
    """``proof`` says by what costs are known: ``hypopg``, ``trial``, or ``none``: by statistics."""

    def __init__(
        self, asked: WhatIf, database: Database, questions: Questions, proof: str, tell: Callable[[str], None]
    ) -> None:
        self._asked = asked
        self._database = database
        self._questions = questions
        self._proof = proof
        self._tell = tell

    async def advised(self, wanted: Sequence[ProposedIndex]) -> list[AdvisedIndex]:
        """Those of ``wanted`` that are worth it; the tables whose statements cost most are asked about first."""
        by_table: dict[tuple[str, str], list[ProposedIndex]] = {}
        for index in wanted:
            by_table.setdefault((index.schema, index.table), []).append(index)
        asking = {table: self._about(mine) for table, mine in by_table.items()}
        advised: list[AdvisedIndex] = []
        order = sorted(by_table, key=lambda table: (-sum(one.weight for one in asking[table]), table))
        for number, table in enumerate(order):
            self._tell(f"indexes: table {number + 1} of {len(order)}, {self._asked.calls} plans")
            advised += await self._advised_for(by_table[table], asking[table])
        return advised

    def _about(self, mine: Sequence[ProposedIndex]) -> list[Question]:
        return [one for one in self._questions.asked if one.indexes.intersection(mine)]

    async def _advised_for(self, mine: Sequence[ProposedIndex], asking: Sequence[Question]) -> list[AdvisedIndex]:
        """The indexes for one table. What Postgres cannot plan, or only beyond the bound on plans, is not checked."""
        plannable, table = [], f"{mine[0].schema}.{mine[0].table}"
        for one in asking:
            try:
                await self._asked.base(one.statement)
            except DatabaseFaultError as error:
                self._questions.none.append(_unasked(one.of.name, error, table))
            else:
                plannable.append(one)
        try:
            choices = await self._chosen(mine, plannable)
            advised = [await self._described(choice, plannable) for choice in choices]
        except DatabaseFaultError as error:
            names = dict.fromkeys(one.of.name for one in plannable)
            self._questions.none += [_unasked(name, error, table) for name in names]
            return []
        helped = {pair.fingerprint for one in advised for pair in one.plans}
        used = {one.of.name for one in plannable}
        self._questions.none += [NoIndex(name, NO_GAIN, object=table) for name in sorted(used - helped)]
        return advised

    async def _chosen(self, mine: Sequence[ProposedIndex], questions: Sequence[Question]) -> tuple[Choice, ...]:
        steps = choose([self._candidate(index) for index in mine])
        try:
            indexes = next(steps)
            while True:
                indexes = steps.send([await self._cost(one, indexes) for one in questions])
        except StopIteration as end:
            choices: tuple[Choice, ...] = end.value
        return choices

    def _candidate(self, index: ProposedIndex) -> Candidate:
        relation = self._database.relation(index.schema, index.table)
        assert relation is not None  # noqa: S101 – candidates are made of its columns
        least = LEAST if wider_index(index, relation) is None else LEAST_BESIDE_WIDER
        return Candidate(index, estimated_size(index, relation), least)

    async def _cost(self, one: Question, indexes: Indexes) -> float:
        base = await self._asked.base(one.statement)
        if self._proof == "none":
            mine = [(index, self._database.relation(index.schema, index.table)) for index in indexes & one.from_filters]
            return one.weight * min([1.0, *(estimated_share(index, each, base) for index, each in mine if each)])
        if not indexes or not base.cost:
            return one.weight
        (plan,) = await self._asked.what_if([one.statement], sorted(indexes))
        return (
            one.weight * plan.cost / base.cost if self._is_worth_it(base, plan, indexes & one.indexes) else one.weight
        )

    def _is_worth_it(self, before: Plan, after: Plan, indexes: Iterable[ProposedIndex]) -> bool:
        """Whether a gain counts: rows that an index finds already are found fast enough, unless much is saved."""
        tables = {(index.schema, index.table) for index in indexes}
        whole = any(node.kind == "Seq Scan" and (node.schema, node.relation) in tables for node in before.root.walk())
        return whole or before.cost - after.cost >= MUCH_SAVED or not all(map(self._is_begun, indexes))

    def _is_begun(self, index: ProposedIndex) -> bool:
        """Whether an index exists that begins with the same column."""
        relation = self._database.relation(index.schema, index.table)
        first = index.keys[0].partition(" ")[0]
        known = () if relation is None else relation.indexes
        return any(each.valid and not each.where and each.keys[0].text == first for each in known)

    async def _described(self, choice: Choice, questions: Sequence[Question]) -> AdvisedIndex:
        """An index with the plans of the statements that it makes cheaper."""
        index, pairs = choice.index, []
        name = free_name(index.name, index.schema, self._database)
        for one in questions:
            before = await self._asked.base(one.statement)
            (after,) = await self._asked.what_if([one.statement], [index]) if self._proof != "none" else (before,)
            pairs.append(one.pair(before, renamed(after, name)))
        worth = [pair for pair in pairs if self._is_worth_it(pair.before, pair.after, [index])]
        helped = {pair.fingerprint for pair in worth if pair.gain >= LEAST}
        if self._proof == "none":
            helped = {each.of.name for each in questions if await self._cost(each, frozenset([index])) < each.weight}
        relation = self._database.relation(index.schema, index.table)
        wider = None if relation is None else wider_index(index, relation)
        built = self._asked.built.get(index) if isinstance(self._asked, BuiltIndexes) else None
        size = built.size if built else int(estimated_size(index, relation)) if relation else 0
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
            self._questions.writes_of((index.schema, index.table)),
        )


def _unasked(name: str, error: DatabaseFaultError, table: str) -> NoIndex:
    return NoIndex(name, str(error), False, "Let the role of --db-uri read and plan it, or audit less traffic.", table)
