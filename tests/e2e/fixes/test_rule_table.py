"""What every rule prints is run in every language that it prints, and is the same as what the application got."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from rules import TRAFFIC_RULES
from tests.e2e.support.fix_bench import LANGUAGES, Bench
from tests.e2e.support.fix_comparison import compare_all, comparing
from tests.e2e.support.fix_pages import deep, truncated, unbounded
from tests.e2e.support.fix_plans import slow_queries
from tests.e2e.support.fix_queries import long_lists, queries
from tests.e2e.support.fix_recounts import recounts
from tests.e2e.support.fix_rules import (
    chatty_pages,
    duplicates,
    estimates,
    lists_for_one_row,
    loops_of_functions,
    named_columns,
    references,
    serial,
)
from tests.e2e.support.fix_shapes import shapes
from tests.e2e.support.fix_tables import MAX_ROWS, loop_tables
from tests.e2e.support.fix_writes import compare_writes, writes
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.conftest import Stack
    from tests.e2e.support.fix_comparison import Comparison

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

SEED = int(os.environ.get("FIX_SEED", "1"))
NUMBER = int(os.environ.get("FIX_RULES", "20"))


async def loops_of_reads(bench: Bench, _: random.Random, number: int) -> None:
    """FAN001 and FAN002."""
    count(bench, await compare_all(bench.stack, list(shapes(SEED, 2 * number))))


async def loops_of_writes(bench: Bench, _: random.Random, number: int) -> None:
    """FAN004."""
    count(bench, await compare_writes(bench.stack, list(writes(SEED, number))))


def count(bench: Bench, comparison: Comparison) -> None:
    assert not comparison.wrong, comparison.report()
    for (rule, language, _), often in comparison.seen.items():
        if language in LANGUAGES:
            bench.executed[rule, language] += often


SCENARIOS: dict[tuple[str, ...], Callable[[Bench, random.Random, int], Awaitable[None]]] = {
    ("FAN001", "FAN002"): loops_of_reads,
    ("FAN003",): duplicates,
    ("FAN004",): loops_of_writes,
    ("FAN005",): long_lists,
    ("FAN006",): references,
    ("FAN007",): lists_for_one_row,
    ("FAN008",): recounts,
    ("FAN009",): unbounded,
    ("FAN010",): truncated,
    ("FAN011",): named_columns,
    ("FAN012",): deep,
    ("FAN013",): estimates,
    ("FAN014",): serial,
    ("FAN015",): chatty_pages,
    ("FAN016",): slow_queries,
    ("FAN018",): loops_of_functions,
    ("query",): queries,
}
PARTS = {
    **{rule: LANGUAGES for rules in SCENARIOS for rule in rules},
    "FAN015": ("sql",),
    "FAN017": (),
    "FAN018": (),
    "query": ("js", "curl"),
}
"""What is printed for a rule, and for a query on a page. FAN015 says why it has no client code, FAN018 why no code;
FAN017 has lines of fanin's settings.
"""
NO_CODE = (
    "No client code: the parameters of the function have the types of columns",
    "No code: fanin sees neither the",
)

executed: dict[tuple[str, ...], Counter[tuple[str, str]]] = {}


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    with postgrest_with(stack, db_schemas="loops, second", db_max_rows=str(MAX_ROWS), db_plan_enabled="true") as made:
        yield made


async def run(loops: Stack, rules: tuple[str, ...]) -> None:
    async with comparing(loops) as comparison:
        bench = Bench(loops, comparison)
        await SCENARIOS[rules](bench, random.Random(SEED), NUMBER)
    for (rule, language), reasons in bench.withheld.items():
        assert language in PARTS[rule] or all(reason.startswith(NO_CODE) for reason in reasons)
    executed[rules] = bench.executed


@pytest.mark.parametrize("rules", SCENARIOS, ids="-".join)
async def test_what_a_rule_prints_returns_what_the_application_got(loops: Stack, rules: tuple[str, ...]) -> None:
    await run(loops, rules)


async def test_every_printed_part_of_every_rule_was_run(loops: Stack, tell: Callable[[str], None]) -> None:
    assert {rule.code for rule in TRAFFIC_RULES} <= PARTS.keys()
    for rules in SCENARIOS:
        if rules not in executed:
            await run(loops, rules)
    counts = sum(executed.values(), Counter[tuple[str, str]]())
    languages = (*LANGUAGES, "curl")
    rows = [f"{rule:8}" + "".join(f"{counts[rule, one] or '-':>6}" for one in languages) for rule in PARTS]
    tell("\n".join(["rule    " + "".join(f"{one:>6}" for one in languages), *rows]))
    assert {(rule, one) for rule, parts in PARTS.items() for one in parts if not counts[rule, one]} == set()
