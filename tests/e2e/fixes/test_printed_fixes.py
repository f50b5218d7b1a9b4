"""The code that findings print does what the loops did, in supabase-js, supabase-py and SQL."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support.fix_comparison import compare_all, comparing, fix_of
from tests.e2e.support.fix_faults import FAULTS, Fault
from tests.e2e.support.fix_runs import play
from tests.e2e.support.fix_shapes import many, shapes
from tests.e2e.support.fix_tables import loop_tables, loops_behind
from tests.e2e.support.fix_writes import compare_writes, writes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

READS = int(os.environ.get("FIX_SHAPES", "320"))
WRITES = int(os.environ.get("FIX_WRITES", "100"))
READ_KINDS = {
    *("read", "read with a limit", "read with an embed", "read with an embed and a limit", "one object", "count"),
    *("count by a parent", "beyond max-rows", "another schema", "not to be batched", "respelled"),
}
UPSERTS = {"upsert", "upsert by code", "insert or skip", "skip by code"}
WRITE_KINDS = {"update", "delete", "insert", *UPSERTS}
SEED = int(os.environ.get("FIX_SEED", "1"))


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    with loops_behind(stack) as made:
        yield made


@pytest.fixture(scope="module")
def strict(loops: Stack) -> Iterator[Stack]:
    """The same behind a PostgREST that cuts answers at fewer rows than the code expects."""
    with loops_behind(loops, 100) as made:
        yield made


async def test_printed_reads_return_what_the_loops_got(loops: Stack, tell: Callable[[str], None]) -> None:
    comparison = await compare_all(loops, list(shapes(SEED, READS)))
    tell(comparison.table())
    assert not comparison.wrong, comparison.report()
    seen = {(rule, language): 0 for rule in ("FAN001", "FAN002", "counts") for language in ("js", "py", "sql")}
    for (rule, language, _), count in comparison.seen.items():
        if (rule, language) in seen:
            seen[rule, language] += count
    assert min(seen.values()) >= READS // 30, seen
    kinds = {kind for rule, language, kind in comparison.seen if language in ("js", "withheld")}
    assert kinds >= READ_KINDS


async def test_answers_that_a_lower_limit_cuts_are_read_in_halves(strict: Stack) -> None:
    draw = random.Random(SEED)
    comparison = await compare_all(strict, [many(draw) for _ in range(12)])
    assert not comparison.wrong, comparison.report()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.name))
async def test_a_planted_fault_is_found(strict: Stack, fault: Fault) -> None:
    played = await play(strict, [fault.shape()])
    async with comparing(strict) as comparison:
        await comparison.declare([fix for one in played if (fix := fix_of(one)[1])])
        await comparison.compare(played[0], fault.plant)
    assert comparison.wrong, f"not found: {fault.name}"


async def test_printed_writes_leave_what_the_loops_left(loops: Stack, tell: Callable[[str], None]) -> None:
    known: dict[str, Any] = {"detect__openapi": True, "openapi_token": loops.token}
    comparison = await compare_writes(loops, list(writes(SEED, WRITES)), **known)
    tell(comparison.table())
    assert not comparison.wrong, comparison.report()
    for language in ("js", "py", "sql"):
        assert {kind for _, one, kind in comparison.seen if one == language} >= WRITE_KINDS
