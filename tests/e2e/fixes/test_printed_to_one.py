"""A loop over the rows that an earlier answer refers to becomes a part of that read, with the same rows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.e2e.fixes.test_printed_embeds import more_tables
from tests.e2e.support.fix_comparison import comparing, fix_of
from tests.e2e.support.fix_runs import play
from tests.e2e.support.fix_shapes import Shape
from tests.e2e.support.fix_tables import loop_tables, loops_behind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.findings.model import Fix
    from tests.conftest import Stack
    from tests.e2e.support.fix_runs import Played, Rows

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

THINGS = "/thing?select=id,name,owner_id&id=lt.900"
CASES: dict[str, tuple[str, str, list[Any], str, dict[str, Any]]] = {
    "plain": (THINGS, "owner_id", [900], "owner", {"select": "id,email"}),
    "without its key": (THINGS, "owner_id", [900], "owner", {"select": "email"}),
    "all columns": ("/thing?select=*&kind=neq.none&order=id.desc&limit=700", "owner_id", ["none", 700], "owner", {}),
    "a list": (
        "/thing?select=id,owner_id&id=in.(1,2,70,130,200,300)",
        "owner_id",
        [[1, 2, 70, 130, 200, 300]],
        "owner",
        {},
    ),
    "one at most": (THINGS, "owner_id", [900], "owner", {"select": "email", "limit": 1}),
    "one of two keys": ("/note?select=id,reader_id,text&id=lt.30", "reader_id", [30], "owner", {"select": "email"}),
    "with an embed": ("/part?select=id,thing_id&id=lt.30", "thing_id", [30], "thing", {"select": "id,owner(email)"}),
}


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    asyncio.run(more_tables(stack.dsn))
    with loops_behind(stack) as made:
        yield made


async def read(loops: Stack, target: str) -> Rows:
    headers = {"Authorization": f"Bearer {loops.token}"}
    async with aiohttp.ClientSession() as session, session.get(loops.url + target, headers=headers) as answer:
        rows: Rows = await answer.json()
        return rows


async def played_loop(loops: Stack, name: str, **known: Any) -> tuple[Rows, Played, Fix]:
    """The rows of the earlier read, the loop over the rows that these refer to, and its fix."""
    first, column, _, relation, query = CASES[name]
    rows = await read(loops, first)
    keys = list(dict.fromkeys((row[column],) for row in rows))
    shape = Shape(name, relation, ("id",), keys, first=first, parallel=False, **query)
    (played,) = await play(loops, [shape], detect__row_keys="on", **known)
    fix = fix_of(played)[1]
    assert fix is not None
    return rows, played, fix


@pytest.mark.parametrize("name", CASES)
async def test_the_earlier_read_has_what_the_loop_got_and_is_otherwise_the_same(loops: Stack, name: str) -> None:
    _, column, args, relation, _ = CASES[name]
    rows, played, fix = await played_loop(loops, name, db_uri=loops.dsn)
    async with comparing(loops) as comparison:
        answer = await comparison.node.run(fix.supabase_js, [args])
        assert "error" not in answer, (answer, fix.supabase_js)
        assert answer["requests"] == 1
        for found in (answer["results"][0], (await comparison.python.run(fix.supabase_py, [args]))[0]):
            for row in found:
                (of_loop,) = played.rows[f'["{row[column]}"]']
                assert row.pop(relation) == of_loop
            assert found == rows


async def test_without_the_keys_of_the_answer_or_with_other_filters_it_is_a_batch_read(loops: Stack) -> None:
    _, _, fix = await played_loop(loops, "plain", db_uri=loops.dsn)
    assert "readThingWithOwner(" in fix.supabase_js
    first, column, _, relation, _ = CASES["plain"]
    keys = [(row[column],) for row in await read(loops, first)][::50]
    other = Shape("other", relation, ("id",), [*keys, (39,)], first=first, parallel=False)
    known: tuple[dict[str, Any], ...] = ({}, {"detect__row_keys": "on"})
    for settings in known:
        (played,) = await play(loops, [other], db_uri=loops.dsn, **settings)
        batch = fix_of(played)[1]
        assert batch is not None
        assert "listOwnerByIds(" in batch.supabase_js
