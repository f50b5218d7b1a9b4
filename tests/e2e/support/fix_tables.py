"""The tables of the loops, and PostgREST in front of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.conftest import Stack

MAX_ROWS = 1000


async def loop_tables(dsn: str) -> None:
    """Make them afresh."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    finally:
        await connection.close()


def loops_behind(stack: Stack, most: int = MAX_ROWS) -> AbstractContextManager[Stack]:
    """A PostgREST that returns at most ``most`` rows of them."""
    return postgrest_with(stack, db_schemas="loops, second", db_max_rows=str(most))
