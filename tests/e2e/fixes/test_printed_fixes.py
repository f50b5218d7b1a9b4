"""The code that findings print does what the loops did, in supabase-js, supabase-py and SQL."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.fix_comparison import compare_all
from tests.e2e.support.fix_shapes import shapes
from tests.e2e.support.fix_tables import loop_tables, loops_behind
from tests.e2e.support.fix_writes import compare_writes, writes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

READS = int(os.environ.get("FIX_SHAPES", "320"))
WRITES = int(os.environ.get("FIX_WRITES", "100"))
SEED = int(os.environ.get("FIX_SEED", "1"))


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    with loops_behind(stack) as made:
        yield made


async def test_printed_reads_return_what_the_loops_got(loops: Stack, tell: Callable[[str], None]) -> None:
    comparison = await compare_all(loops, list(shapes(SEED, READS)))
    tell(comparison.table())
    assert not comparison.wrong, comparison.report()


async def test_printed_writes_leave_what_the_loops_left(loops: Stack, tell: Callable[[str], None]) -> None:
    comparison = await compare_writes(loops, list(writes(SEED, WRITES)))
    tell(comparison.table())
    assert not comparison.wrong, comparison.report()
