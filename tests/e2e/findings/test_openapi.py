"""PostgREST's OpenAPI description says which columns and keys there are, for the code of findings."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.e2e.support.fix_bench import Bench
from tests.e2e.support.fix_comparison import comparing
from tests.e2e.support.fix_pages import one_page, paged
from tests.e2e.support.fix_reads import single
from tests.e2e.support.fix_tables import loop_tables, loops_behind
from tests.e2e.support.harness import fanin, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.postgrest.database_facts import DatabaseFacts
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
VIEWS = """
create view loops.named as select id, name from loops.thing;
create view loops.joined as select owner.id, thing.name from loops.owner join loops.thing on thing.owner_id = owner.id;
grant all on loops.named, loops.joined to service_role;
"""


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    asyncio.run(execute(stack.dsn, VIEWS))
    with loops_behind(stack) as made:
        yield made


async def execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statements)
    await connection.close()


async def facts_of(stack: Stack, **changes: object) -> DatabaseFacts:
    known = {"detect__openapi": True, "openapi_token": stack.token, "catalog__schemas": ["loops", "second"]} | changes
    async with fanin(stack.url, **known) as sidecar:
        await until(lambda: bool(sidecar.rule_runner.facts.relations))
        return sidecar.rule_runner.facts


async def test_tables_have_their_keys_and_columns(loops: Stack) -> None:
    facts = await facts_of(loops)
    reading, second = facts.of("reading"), facts.of("second.thing")
    assert reading is not None
    assert second is not None
    assert reading.primary_key == ("sensor", "seq")
    assert [*reading.columns] == [b"sensor", b"seq", b"value", b"note", b"at which"]
    assert second.primary_key == ("id",)
    assert (second.has_no_nulls("id"), second.has_no_nulls("name"), reading.has_no_nulls("note")) == (
        True,
        False,
        False,
    )
    assert ("loops.thing", ("owner_id",), "loops.owner", ("id",)) in [
        (key.relation, key.columns, key.target, key.target_columns) for key in facts.foreign_keys
    ]


async def test_a_view_with_a_join_has_no_key_as_its_rows_repeat(loops: Stack) -> None:
    facts = await facts_of(loops)
    joined = facts.of("joined")
    assert joined is not None
    assert joined.primary_key == ()


async def test_the_printed_code_uses_them(loops: Stack) -> None:
    draw = random.Random(1)
    known: dict[str, Any] = {"detect__openapi": True, "openapi_token": loops.token}
    reads, stars = [paged(draw, few=True) for _ in range(6)], [single(draw, select="*") for _ in range(6)]
    async with comparing(loops) as comparison:
        bench = Bench(loops, comparison)
        for one, seen in zip(reads, await bench.play([[one.request()] for one in reads], **known), strict=True):
            await bench.each("FAN009", seen.findings["FAN009"].fix, one_page(bench, one, await one.rows(bench)))
        for star, seen in zip(stars, await bench.play([[star] for star in stars], **known), strict=True):
            if "FAN011" in seen.findings:
                await bench.each("FAN011", seen.findings["FAN011"].fix, bench.reads(star, seen.answers[0][0]))
    assert {language for _, language in bench.executed} == {"js", "py", "sql"}
    assert not bench.withheld.get(("FAN009", "js"))
