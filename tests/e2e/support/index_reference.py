"""The cheapest set of indexes within a size, by branch and bound over all indexes of one or two columns.

A plan with many indexes says which of them it uses; the cost is the same with any set between these and those. So each
branch asks for few plans, and the cost with all that are undecided bounds what a branch can reach.
"""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import asyncpg

SAVED = 0.005
"""Least share of the total that a candidate has to save of one statement."""
NEAR = 0.01
"""A branch that cannot be cheaper by more than this share is left."""
MOST_BRANCHES = 20_000


class Candidate(NamedTuple):
    """An index, with the bytes that HypoPG estimates."""

    table: str
    keys: tuple[str, ...]
    size: int
    statement: str


Found = tuple[float, frozenset[Candidate]]


class Plans:
    """Costs of statements with hypothetical indexes, each asked once."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], statements: Sequence[str]) -> None:
        self.asked = 0
        self.statements = statements
        self._connection = connection
        trees = [sqlglot.parse_one(one, read="postgres") for one in statements]
        self._tables = [{table.name for table in tree.find_all(exp.Table)} for tree in trees]
        self._known: list[list[tuple[frozenset[Candidate], frozenset[Candidate], float]]] = [[] for _ in statements]
        self._present: dict[str, Candidate] = {}
        self._given: frozenset[Candidate] | None = None

    async def total(self, indexes: frozenset[Candidate]) -> Found:
        """The cost of all statements, and the indexes that they use."""
        found = [await self.of(number, indexes) for number in range(len(self.statements))]
        return sum(cost for cost, _ in found), frozenset[Candidate]().union(*(used for _, used in found))

    async def of(self, number: int, indexes: frozenset[Candidate]) -> Found:
        """The cost of one statement, and the indexes that it uses."""
        given = frozenset(one for one in indexes if one.table in self._tables[number])
        for used, most, cost in self._known[number]:
            if used <= given <= most:
                return cost, used
        await self._create(given)
        self.asked += 1
        text = await self._connection.fetchval("explain (format json) " + self.statements[number])
        plan = json.loads(text)[0]["Plan"]
        used = frozenset(self._present[name] for name in _names(plan) if name in self._present)
        self._known[number].append((used, given, plan["Total Cost"]))
        return plan["Total Cost"], used

    async def size_of(self, statement: str) -> int:
        """Bytes of an index by HypoPG's estimate."""
        self._given = None
        await self._connection.execute("select hypopg_reset()")
        await self._connection.fetchval("select indexrelid from hypopg_create_index($1)", statement)
        return int(await self._connection.fetchval("select hypopg_relation_size(indexrelid) from hypopg()"))

    async def _create(self, indexes: frozenset[Candidate]) -> None:
        if indexes == self._given:
            return
        await self._connection.execute("select hypopg_reset()")
        self._given, self._present = indexes, {}
        for one in sorted(indexes):
            row = await self._connection.fetchrow("select * from hypopg_create_index($1)", one.statement)
            self._present[row["indexname"]] = one


def _names(plan: Mapping[str, object]) -> Iterator[str]:
    if "Index Name" in plan:
        yield str(plan["Index Name"])
    for child in plan.get("Plans", ()):  # type: ignore[attr-defined]
        yield from _names(child)


async def candidates(plans: Plans, columns: Mapping[str, str]) -> list[Candidate]:
    """All indexes of one or two of the columns that conditions, groups and orders name, without those that save
    nothing, or no more than a smaller one with the same first column. ``columns`` has the table of each column.
    """
    named = sorted({(columns[name], name) for one in plans.statements for name in _searched(one) if name in columns})
    shapes: list[tuple[str, tuple[str, ...]]] = [(table, (name,)) for table, name in named]
    shapes += [(one[0], (one[1], other[1])) for one, other in permutations(named, 2) if one[0] == other[0]]
    base = [(await plans.of(number, frozenset()))[0] for number in range(len(plans.statements))]
    costs: dict[Candidate, list[float]] = {}  # of each statement, with this one index
    for table, keys in shapes:
        text = f"create index on {table} ({', '.join(keys)})"
        one = Candidate(table, keys, await plans.size_of(text), text)
        costs[one] = [(await plans.of(number, frozenset([one])))[0] for number in range(len(base))]
    best = sum(map(min, zip(base, *costs.values(), strict=True)))
    useful = [one for one, found in costs.items() if _saved(base, found) >= best * SAVED]
    return [one for one in useful if not any(_is_better(other, one, costs) for other in useful if other != one)]


def _saved(base: Sequence[float], costs: Sequence[float]) -> float:
    """The most that one statement saves."""
    return max(before - after for before, after in zip(base, costs, strict=True))


def _searched(statement: str) -> Iterator[str]:
    clauses = (exp.Where, exp.Group, exp.Order, exp.Join, exp.Having)
    for node in sqlglot.parse_one(statement, read="postgres").find_all(*clauses):
        yield from (column.name for column in node.find_all(exp.Column))


def _is_better(one: Candidate, other: Candidate, costs: Mapping[Candidate, Sequence[float]]) -> bool:
    alike = (one.table, one.keys[0]) == (other.table, other.keys[0])
    pairs = zip(costs[one], costs[other], strict=True)
    return alike and (one.size, one.keys) < (other.size, other.keys) and all(x <= y * 1.002 + 1 for x, y in pairs)


class Search:
    """Branch and bound within ``budget`` bytes."""

    def __init__(self, plans: Plans, budget: int) -> None:
        self.branches = 0
        self.best: Found = (float("inf"), frozenset())
        self._plans = plans
        self._budget = budget

    async def run(self, left: frozenset[Candidate], chosen: frozenset[Candidate] = frozenset()) -> None:
        """Look at all sets that have ``chosen`` and any of ``left``; RuntimeError if they are too many."""
        self.branches += 1
        if self.branches > MOST_BRANCHES:
            raise RuntimeError(f"more than {MOST_BRANCHES} branches")
        room = self._budget - sum(one.size for one in chosen)
        left = frozenset(one for one in left if one.size <= room)
        bound, used = await self._plans.total(chosen | left)
        if bound >= self.best[0] * (1 - NEAR):
            return
        new = used - chosen
        if sum(one.size for one in new) <= room:
            self.best = bound, chosen | new
            return
        cost, _ = await self._plans.total(chosen)
        if cost < self.best[0]:
            self.best = cost, chosen
        saved = {one: cost - (await self._plans.total(chosen | {one}))[0] for one in new}
        branch = max(sorted(new), key=lambda one: saved[one] / one.size)
        await self.run(left - {branch}, chosen | {branch})
        await self.run(left - {branch}, chosen)
