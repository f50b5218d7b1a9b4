"""Over-long lists that are passed on as they are: the caller gets upstream's own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from tests.e2e.support.bursts import get, statement_counter
from tests.e2e.support.harness import ask, fanin
from tests.e2e.support.long_lists import (
    NUMBERS,
    UPSTREAM_TAKES,
    UUIDS,
    ChunkEvents,
    assert_chunked,
    assert_equal,
    assert_refused,
    assert_rows_of,
    in_list,
    request_of_size,
    wait_until_postgrest_is_done,
)
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from tests.conftest import Stack


pytestmark = [pytest.mark.stack, pytest.mark.e2e]


@pytest.mark.parametrize("size", [UPSTREAM_TAKES + 1, 65_536, 65_537, 100_000, 300_000, 1_000_000])
async def test_upstreams_refusal_is_passed_back_as_it_came(unusual: Stack, size: int) -> None:
    request = request_of_size(size)
    assert len(request) == size
    direct = await ask(unusual.url, request)
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url) as sidecar:
        await counter.reset()
        through = await ask(sidecar.port, request)
        assert await counter.statements() == 0
        assert gauges(sidecar)["long_head_bytes"] == 0
    assert_equal(direct, through)
    assert (through.status, through.body, through.complete) == (400, b"Bad Request", True)


async def test_a_head_that_upstream_takes_is_nobodys_business(unusual: Stack) -> None:
    request = request_of_size(UPSTREAM_TAKES)
    direct = await ask(unusual.url, request)
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, upstream_host="client") as sidecar:
        await counter.reset()
        assert_equal(direct, await ask(sidecar.port, request))
        assert await counter.statements() == 1
    assert direct.status == 200


@pytest.mark.parametrize(("method", "size"), [("GET", 1_100_000), ("POST", 100_000), ("HEAD", 100_000)])
async def test_a_head_beyond_its_limit_is_431(unusual: Stack, method: str, size: int) -> None:
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url) as sidecar:
        await counter.reset()
        assert (await ask(sidecar.port, request_of_size(size, method))).status == 431
        assert await counter.statements() == 0


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("", ("Prefer: count=exact",)),
        ("", ("Prefer: count=planned",)),
        ("", ("Range: 0-9",)),
        ("", ("Accept: text/csv",)),
        ("", ("Accept: application/vnd.pgrst.object+json",)),
        ("", ("X-Fanin: off",)),
        ("&limit=10", ()),
        ("&offset=10", ()),
        ("&select=count()", ()),
        ("&order=n", ()),
        ("&order=id,n", ()),
        ("&grp=in.(1,2)", ()),
        ("&id=gt.00000000-0000-4000-8000-000000000000", ()),
    ],
)
async def test_what_is_asked_of_the_list_as_a_whole_is_passed_on(
    unusual: Stack, query: str, lines: tuple[str, ...]
) -> None:
    assert await assert_refused(unusual, get(f"/big?id={in_list(UUIDS[:3000])}{query}", *lines)) == []


@pytest.mark.parametrize("query", ["id=in.(%22{}%22)", "id=in.({},null)", "or=(id.in.({}))", "id=not.in.({})"])
async def test_a_list_of_anything_but_plain_literals_is_passed_on(unusual: Stack, query: str) -> None:
    assert await assert_refused(unusual, get("/big?" + query.format(",".join(UUIDS[:3000])))) == []


async def test_a_request_that_is_not_at_level_rewrite_is_passed_on(unusual: Stack) -> None:
    request = get(f"/big?id={in_list(UUIDS[:3000])}")
    for changes in ({"rules__fan005": "report"}, {"mode": "observe"}, {"mode": "pass"}, {"mode": "shadow"}):
        assert await assert_refused(unusual, request, **changes) == []


@pytest.mark.parametrize(
    ("doubt", "query"),
    [
        ("order", f"word={in_list(range(5000, 16_000))}&order=word"),
        ("unexpected-key", f"dec={in_list(NUMBERS)}"),
        ("headers", f"n={in_list(NUMBERS)}&select=id,loud"),
        ("status", f"n={in_list([*NUMBERS, 10**15])}"),
        ("status", f"n={in_list(NUMBERS)}&select=nope"),
    ],
)
async def test_a_doubt_in_any_part_leaves_it_to_upstream(unusual: Stack, doubt: str, query: str) -> None:
    assert await assert_refused(unusual, get(f"/big?{query}"), doubt)


async def test_texts_that_look_like_numbers_are_found_where_no_order_is_asked(unusual: Stack) -> None:
    direct = await ask(unusual.url, get("/big?n=gte.5000&n=lt.16000"))
    assert_rows_of(
        direct, await assert_chunked(unusual, get(f"/big?word={in_list(range(5000, 16_000))}")), ordered=False
    )


async def test_a_token_that_upstream_does_not_believe_is_its_business(unusual: Stack) -> None:
    request = get(f"/big?id={in_list(UUIDS)}", "Authorization: Bearer not.a.token")
    assert set(await assert_refused(unusual, request, "status")) <= {401, -1}


async def test_an_answer_larger_than_may_be_held_is_left_to_upstream(unusual: Stack) -> None:
    calls = await assert_refused(unusual, get(f"/big?id={in_list(UUIDS)}"), "too-large", merge__max_body=500_000)
    assert len(calls) < 12


async def test_a_query_that_failed_is_left_alone_for_a_while(unusual: Stack) -> None:
    request = get(f"/big?id={in_list(UUIDS)}&select=id")
    changes = {"rules__fan005": "rewrite", "merge__pause_first": 60.0, "headers": "on"}
    with postgrest_with(unusual, db_max_rows="1000") as cut:
        async with fanin(cut.url, **changes) as sidecar:
            watch = ChunkEvents(sidecar)
            assert (await ask(sidecar.port, request)).values(b"x-fanin") == [b"fallback; reason=incomplete"]
            calls = len(watch.calls)
            assert calls > 0
            assert (await ask(sidecar.port, request)).values(b"x-fanin") == [b"passed; reason=paused"]
            assert len(watch.calls) == calls
        async with statement_counter(cut.dsn) as counter:
            await wait_until_postgrest_is_done(counter)
