"""With the catalog, a write drops what may depend on it and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.loops import application
from tests.e2e.support.unusual_types import schema_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


@pytest.fixture(scope="module")
def depends(stack: Stack) -> Iterator[Stack]:
    with schema_of_file(stack, "dependencies", "depends") as made:
        yield made


CASES = [
    ("plain?id=eq.{}", "plain", True),
    ("plain?id=eq.{}", "parent", False),
    ("plain?id=eq.{}", "child", False),
    ("child?id=eq.{}", "child", True),
    ("child?id=eq.{}", "parent", True),
    ("grandchild?id=eq.{}", "parent", True),
    ("kept?id=eq.{}", "parent", False),
    ("shown?id=eq.{}", "child", True),
    ("shown_twice?id=eq.{}", "parent", True),
    ("shown_twice?id=eq.{}", "kept", False),
    ("child?id=eq.{}", "shown_twice", True),
    ("guarded?id=eq.{}", "guard", True),
    ("guarded?id=eq.{}", "plain", False),
    ("plain?id=eq.{}", "audited", True),
    ("kept?id=eq.{}", "audited", True),
    ("opaque?id=eq.{}", "plain", True),
    ("opaque?id=eq.{}", "parent", True),
    ("kept?select=id,twice&id=eq.{}", "plain", True),
    ("kept?select=id,n&id=eq.{}", "plain", False),
    ("kept?select=id,parent(n)&id=eq.{}", "parent", True),
    ("kept?select=id,n::text&id=eq.{}", "plain", True),
    ("parted?id=eq.{}", "parted", True),
    ("parted?id=eq.{}", "plain", False),
]


@pytest.mark.parametrize(("target", "written", "drops"), CASES)
async def test_a_write_drops_what_may_depend_on_it_and_nothing_else(
    depends: Stack, target: str, written: str, drops: bool
) -> None:
    known = {"db_uri": depends.dsn, "catalog__schemas": ["depends"]}
    async with application(depends.url, depends.url, depends.token, **known) as (app, watch):
        rows = await app.rows("/plain?select=id&order=id&limit=12")
        for row in rows[:4]:
            await app.get("/" + target.format(row["id"]))
        assert watch.outcomes() == {"passed": 2, "merged": 1, "prefetched": 2}
        column = "id" if written == "guard" else "n"
        answer = await app.send("PATCH", f"/{written}?id=eq.30", f'{{"{column}":30}}')
        assert answer.status == 204
        await app.get("/" + target.format(rows[4]["id"]))
        assert watch.outcomes()["prefetched"] == (2 if drops else 3)


async def test_without_the_catalog_each_write_drops_everything(depends: Stack) -> None:
    async with application(depends.url, depends.url, depends.token, catalog__schemas=["depends"]) as (app, watch):
        rows = await app.rows("/plain?select=id&order=id&limit=12")
        for row in rows[:4]:
            await app.get(f"/plain?id=eq.{row['id']}")
        await app.send("PATCH", "/log?id=eq.30", '{"n":30}')
        await app.get(f"/plain?id=eq.{rows[4]['id']}")
        assert watch.outcomes()["prefetched"] == 2


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_post_to_a_function_drops_everything_and_a_get_nothing(depends: Stack, method: str) -> None:
    known = {"db_uri": depends.dsn, "catalog__schemas": ["depends"]}
    async with application(depends.url, depends.url, depends.token, **known) as (app, watch):
        rows = await app.rows("/plain?select=id&order=id&limit=12")
        for row in rows[:4]:
            await app.get(f"/plain?id=eq.{row['id']}")
        if method == "POST":
            await app.send("POST", "/rpc/total", "{}")
        else:
            await app.get("/rpc/total")
        await app.get(f"/plain?id=eq.{rows[4]['id']}")
        assert watch.outcomes()["prefetched"] == (2 if method == "POST" else 3)
