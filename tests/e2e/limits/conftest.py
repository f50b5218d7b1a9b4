"""The schema of unusual types with a table of 20,000 rows, for lists that are too long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.long_lists import (
    SQL,
    execute_sql,
)
from tests.e2e.support.unusual_types import postgrest_with, unusual_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack


@pytest.fixture(scope="module")
def unusual(stack: Stack) -> Iterator[Stack]:
    with unusual_tables(stack) as made:
        asyncio.run(execute_sql(made, SQL.read_text(encoding="utf-8")))
        with postgrest_with(made) as knowing:
            yield knowing
