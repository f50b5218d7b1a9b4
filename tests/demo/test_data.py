"""The schema of the demo has the faults that it is to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.conftest import Stack


pytestmark = pytest.mark.stack


async def test_the_workload_has_no_index_but_the_constraints(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        names = await connection.fetch("select indexname from pg_indexes where schemaname='public'")
    finally:
        await connection.close()
    others = {str(row["indexname"]) for row in names if not row["indexname"].endswith("_pkey")}
    assert others == {"monthly_tracking_month_creator_id_key"}
