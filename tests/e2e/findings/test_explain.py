"""What `fanin explain` says of merging is what a running fanin does, on the real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.explain.facts import MergingFacts, explain
from proxy.explain.request import read_columns, read_request
from proxy.settings.loading import load
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, statement_counter, together
from tests.e2e.support.harness import fanin
from tests.e2e.support.literals import uuid_of

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


MERGING: dict[str, tuple[str, ...]] = {
    "/num?id=eq.1": (),
    "/num?select=id,kid(note)&id=eq.1&title=eq.film%201&limit=3": ("title=text",),
    f"/doc?id=eq.{uuid_of('doc:1')}": (),
    "/kinds?select=id&t=eq.a&order=id": ("t=text", "id=integer"),
    "/kinds?select=id&bo=eq.true&order=id": ("bo=boolean", "id=integer"),
    "/kinds?select=id&da=eq.1999-12-30": ("da=date",),
    "/kinds?select=id&jb-%3E%3Et=eq.nobody": (),
    "/event?select=id&k=in.(1,2)&order=at.desc": ("at=timestamptz",),
    "/small?k=eq.32767": ("k=smallint",),
}
"""Requests that merge, with the types of their columns as far as they matter."""
ALONE: dict[str, tuple[str, str]] = {
    "/kinds?select=id&ci=eq.abc": ("ci=citext", "/kinds?select=id&ci=eq.b"),
    "/event?select=id&k=in.(1,2)&order=price": ("price=numeric", "/event?select=id&k=in.(3,4)&order=price"),
    "/num?id=eq.01": ("id=integer", "/num?id=eq.02"),
    "/num?id=gt.998": ("id=integer", "/num?id=gt.997"),
}
"""Requests that do not, with a type, and a look-alike of each."""


def explanation(target: str, types: tuple[str, ...]) -> MergingFacts:
    columns = read_columns(types, certain=False)
    return explain(read_request(f"GET {target}", ()), load({}).settings, "/", columns).merging


async def statements(unusual: Stack, *targets: str) -> int:
    """For requests that are sent together, and answered as PostgREST answers them."""
    requests = [get(target) for target in targets]
    direct = await one_by_one(unusual.url, requests)
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        await counter.reset()
        assert_all_same(requests, direct, await together(sidecar.port, requests))
        return await counter.statements()


@pytest.mark.parametrize("target", MERGING)
async def test_what_is_said_to_merge_shares_one_statement_with_the_request_made_up_for_each_key(
    unusual: Stack, target: str
) -> None:
    found = explanation(target, MERGING[target])
    assert found.ways
    for way in found.ways:
        assert way.verdict == "merges"
        raw, other = (f"={value.replace(' ', '%20')}" for value in (way.filter, way.sibling))
        assert raw in target
        assert await statements(unusual, target, target.replace(raw, other, 1)) == 1


@pytest.mark.parametrize("select", ["...x", "...x!inner,id", "*x", "->>k", "'id'", ":id", ")", "-", "..."])
async def test_a_select_that_postgrest_ignores_merges_neither_by_the_explanation_nor_in_fact(
    unusual: Stack, select: str
) -> None:
    target, other = (f"/num?select={select}&id=eq.{number}" for number in (1, 2))
    found = explanation(target, ("id=integer",))
    assert found.bypass is not None
    assert (found.verdict, found.bypass.code) == ("never", "select")
    assert await statements(unusual, target, other) == 2, "no merged call was tried in vain"


@pytest.mark.parametrize("target", ALONE)
async def test_what_is_said_never_to_merge_does_not(unusual: Stack, target: str) -> None:
    type_name, other = ALONE[target]
    assert explanation(target, (type_name,)).verdict == "never"
    assert await statements(unusual, target, other) >= 2  # a question for a type may be counted too
