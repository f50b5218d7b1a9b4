"""What client libraries send of themselves, and their users cannot change: it merges, and is answered as alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
import pytest

from proxy.observe.events import Event, UpstreamCalled
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.harness import fanin
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.unusual_types import older_postgrest, postgrest_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

OBJECT = "Accept: application/vnd.pgrst.object+json"
COUNT = "Prefer: count=exact"
ITEMS = "Range-Unit: items"


@pytest.fixture(scope="module", params=["12.0.2", "11.2.2"])
def either(request: pytest.FixtureRequest, unusual: Stack) -> Iterator[Stack]:
    """The schema ``unusual`` behind one release of PostgREST, then behind the other."""
    if request.param == "12.0.2":
        yield unusual
        return
    with older_postgrest(unusual) as made:
        yield made


async def calls_for(stack: Stack, requests: Sequence[bytes], **settings: object) -> Counter[str]:
    """The upstream calls for a burst, by kind. Each answer is the one that PostgREST gives alone."""
    calls: Counter[str] = Counter()

    def watch(event: Event) -> None:
        if isinstance(event, UpstreamCalled):
            calls[event.kind] += 1

    direct = await one_by_one(stack.url, requests)
    async with fanin(stack.url, **{"merge__deadline_floor": 10.0, **settings}) as sidecar:
        await together(sidecar.port, requests)  # types and the 406 of single objects are learnt once
        sidecar._events.subscribe(watch)
        assert_all_same(requests, direct, await together(sidecar.port, requests))
    return calls


async def assert_merges(stack: Stack, requests: Sequence[bytes], **settings: object) -> None:
    """The burst takes one call."""
    assert await calls_for(stack, requests, **settings) == {"merged": 1}


KEYS = ("1", "2", "3", "40", "5000", "7")


def burst_of(target: str, *lines: str, literals: Sequence[str] = KEYS) -> list[bytes]:
    return [get(target.replace("{}", literal), *lines) for literal in literals]


# offset=0 and Range.


@pytest.mark.parametrize("lines", [(), (COUNT,), (OBJECT,), (OBJECT, COUNT)], ids=" ".join)
@pytest.mark.parametrize(
    "rest",
    ["offset=0", "offset=0&limit=1", "limit=25&offset=0", "offset=00", "offset=%30", "o%66fset=0", "limit=999999999"],
)
async def test_an_offset_of_nothing_merges(either: Stack, rest: str, lines: tuple[str, ...]) -> None:
    await assert_merges(either, burst_of(f"/num?select=id,title&id=eq.{{}}&{rest}", *lines))


@pytest.mark.parametrize("rest", ["offset=0&limit=2", "limit=2", "offset=0&limit=3"])
@pytest.mark.parametrize(
    "lines",
    [
        *((COUNT,), (COUNT, OBJECT), (COUNT, OBJECT + ";nulls=stripped")),
        ("Prefer: tx=rollback, count=exact", "Accept-Profile: unusual", "Origin: http://a.example"),
        (COUNT, "Accept: application/vnd.pgrst.array+json;nulls=stripped"),
    ],
    ids=" ".join,
)
async def test_a_page_of_counted_rows_merges(either: Stack, rest: str, lines: tuple[str, ...]) -> None:
    """A key with more rows than its page is answered 206, with the number of all of its rows."""
    requests = burst_of(
        f"/many?select=id,note&k=eq.{{}}&order=id.desc&{rest}", *lines, literals=("1", "2", "38", "77", "78")
    )
    await assert_merges(either, requests)


RANGES = ("0-24", "0-0", "0-1", "0-", "0-999999999")


@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("lines", [(ITEMS,), (), (ITEMS, COUNT), (ITEMS, OBJECT)], ids=" ".join)
async def test_a_range_from_the_first_row_on_merges(either: Stack, range_: str, lines: tuple[str, ...]) -> None:
    await assert_merges(either, burst_of("/num?select=id&id=eq.{}", f"Range: {range_}", *lines))


@pytest.mark.parametrize("rest", ["", "&limit=2", "&limit=9&offset=0"])
@pytest.mark.parametrize("lines", [(), (COUNT,)], ids=" ".join)
async def test_a_range_and_a_limit_merge(either: Stack, rest: str, lines: tuple[str, ...]) -> None:
    requests = burst_of(
        f"/many?select=id&k=eq.{{}}&order=id{rest}", "Range: 0-2", *lines, literals=("1", "5", "38", "77")
    )
    assert set(await calls_for(either, requests)) <= {"merged"}


@pytest.mark.parametrize("range_", ["1-2", "items=0-1", "0-1,3-4", "00-1", "-5", "0-x"])
async def test_another_range_is_answered_as_alone(either: Stack, range_: str) -> None:
    calls = await calls_for(either, burst_of("/many?select=id&k=eq.{}&order=id", f"Range: {range_}", ITEMS))
    assert not calls["merged"]


# Accept.

CHOSEN = (
    "application/json, text/plain, */*",
    "application/json, text/javascript, */*; q=0.01",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "application/json, application/*+json",
    "application/json; charset=utf-8",
    "application/json;q=0.9, */*;q=0.1",
    "text/csv;q=0.5, application/json",
    "application/json, application/vnd.pgrst.object+json, text/csv",
    "application/vnd.pgrst.object+json, application/json;q=0.9",
    "application/vnd.pgrst.object+json, text/plain, */*",
    "application/vnd.pgrst.array+json; nulls=stripped, application/json",
    "application/vnd.pgrst.object+json; nulls=stripped",
)
"""Lists of which PostgREST chooses JSON rows or an object."""
NOT_CHOSEN = (
    "text/csv, */*",
    "application/json;q=0.5, text/csv",
    "application/geo+json, application/json",
    "application/json,application/vnd.pgrst.object+json;nulls=stripped,application/vnd.pgrst.object+json,text/csv",
    "text/javascript",
    "application/*",
    "Application/JSON",
    "",
)


@pytest.mark.parametrize("accept", CHOSEN)
async def test_a_list_of_media_types_merges(either: Stack, accept: str) -> None:
    await assert_merges(either, burst_of("/num?select=id,j,owner&id=eq.{}", f"Accept: {accept}"))


@pytest.mark.parametrize("accept", NOT_CHOSEN)
async def test_another_list_is_answered_as_alone(either: Stack, accept: str) -> None:
    calls = await calls_for(either, burst_of("/num?select=id,j&id=eq.{}", f"Accept: {accept}"))
    assert not calls["merged"]


# Lists of one, and integers.


@pytest.mark.parametrize("form", ["in.({})", "in.%28{}%29", "in.(%22{}%22)"])
async def test_a_list_of_one_merges_without_an_order(either: Stack, form: str) -> None:
    requests = burst_of(f"/num?select=id,title&id={form}")
    await assert_merges(either, [*requests, *burst_of(f"/num?select=id,title&id={form}", literals=("11", "12"))])


async def test_a_quoted_list_of_one_text_merges(either: Stack) -> None:
    await assert_merges(
        either, burst_of("/phrase?select=id,k&k=in.(%22{}%22)", literals=("a,b", "b)", "null", "(c", "x"))
    )


HUGE = ("9223372036854775807", "-9223372036854775808", "1234567890123456789", "1", "175928847299117063")


@pytest.mark.parametrize("column", ["big", "exact", "words"])
async def test_integers_merge_up_to_the_bounds_of_their_type(either: Stack, column: str) -> None:
    more = ("18446744073709551615", "340282366920938463463374607431768211455") if column != "big" else ()
    await assert_merges(either, burst_of(f"/huge?select=id,{column}&{column}=eq.{{}}", literals=HUGE + more))


async def test_an_integer_beyond_its_type_is_answered_as_alone(either: Stack) -> None:
    literals = ("9223372036854775808", "-9223372036854775809", "1", "9223372036854775807")
    calls = await calls_for(either, burst_of("/huge?select=id&big=eq.{}", literals=literals))
    assert calls == {"merged": 1, "original": 2}


# Names.

NAMES = (
    *(
        "Order Id",
        '"Order Id"',
        "unit-price",
        '"unit-price"',
        "prénom",
        "имя",
        "名前",
        "2fa",
        "UPPER",
        "a$b",
        "naïve-key",
    ),
    *(
        '"हिन्दी"',
        '"a.b"',
        '"a,b"',
        '"a(b"',
        '"a:b"',
        r'"a\"b"',
        r'"a\\b"',
        '" lead"',
        '"select"',
        '"a&b=c;d+e"',
        '"%41"',
    ),
    *('"-dash"', '"or"', "data col->>my key", '"data col"->>"my key"', "data col->>k-1", "data col->>ключ"),
)


@pytest.mark.parametrize("name", NAMES)
async def test_a_key_of_any_name_merges(either: Stack, name: str) -> None:
    raw = quote(name, safe="")
    await assert_merges(either, burst_of(f"/order%20lines?select=id,%22a.b%22&{raw}=eq.{{}}&order=id"))


@pytest.mark.parametrize("name", [name for name in NAMES if "->" not in name])
async def test_an_order_by_any_name_merges(either: Stack, name: str) -> None:
    raw = quote(name, safe="")
    await assert_merges(either, burst_of(f"/order%20lines?select=id&UPPER=eq.{{}}&order={raw}.desc,id"))
    lists = ("(1,2)", "(3,2,1)", "(4)")
    await assert_merges(either, burst_of(f"/order%20lines?select={raw}&{raw}=in.{{}}&order={raw},id", literals=lists))


@pytest.mark.parametrize(
    "name", ["Order Id=eq.{}&Order Id=gt.0", '"UPPER"=eq.{}&UPPER=eq.1', "a'b=eq.{}", "dot.ted=eq.{}"]
)
async def test_a_name_that_is_given_twice_or_is_none_is_answered_as_alone(either: Stack, name: str) -> None:
    calls = await calls_for(either, burst_of(f"/order%20lines?select=id&{quote(name, safe='={}&.')}"))
    assert not calls["merged"]


@pytest.mark.parametrize("relation", ["order lines", "2nd-table", "日本", "dot.ted", 'qu"ote', "Größe", "we?ird"])
async def test_a_relation_of_any_name_merges(either: Stack, relation: str) -> None:
    await assert_merges(either, burst_of(f"/{quote(relation, safe='')}?id=eq.{{}}"))


# Aggregates by name, and empty embeds.


COUNTS = ("count", "n:count", "%22count%22")


@pytest.mark.parametrize(
    "lines", [(), (OBJECT,), (OBJECT + ";nulls=stripped",), ("Prefer: tx=rollback",)], ids=" ".join
)
@pytest.mark.parametrize("select", COUNTS)
async def test_a_count_alone_merges(either: Stack, select: str, lines: tuple[str, ...]) -> None:
    """One call more asks whether the relation has such a column by now."""
    literals = (*KEYS, "11", "39", "88")
    requests = burst_of(f"/many?select={select}&k=eq.{{}}", *lines, literals=literals)
    assert await calls_for(either, requests) == {"merged": 1, "types": 1}


async def test_a_count_of_rows_that_policies_hide_is_of_its_caller(either: Stack) -> None:
    for owner in ("ann", "bob"):
        requests = burst_of("/mine?select=count&id=eq.{}", f"X-Owner: {owner}")
        assert await calls_for(either, requests) == {"merged": 1, "types": 1}


@pytest.mark.parametrize("catalog", [False, True])
async def test_a_count_of_which_max_rows_cut_keys_is_not_used(unusual: Stack, catalog: bool) -> None:
    """The merged call reads a row per key, and each caller gets one row, whether its key came back or not."""
    known: dict[str, object] = {"db_uri": unusual.dsn, "catalog__schemas": ["unusual"]}
    settings = known if catalog else {"merge__max_rows": 1000}
    requests = burst_of("/num?select=count&id=eq.{}", literals=[str(n) for n in range(1, 11)])
    with postgrest_with(unusual, db_max_rows="3") as cut:
        direct = await one_by_one(cut.url, requests)
        async with fanin(cut.url, merge__deadline_floor=10.0, **settings) as sidecar:
            for _ in range(4):
                assert_all_same(requests, direct, await together(sidecar.port, requests))


async def test_a_column_that_is_added_is_not_taken_for_a_count(unusual: Stack) -> None:
    requests = burst_of("/many?select=count&k=eq.{}", literals=("1", "2", "3"))
    connection = await asyncpg.connect(unusual.dsn)
    try:
        async with fanin(unusual.url, merge__deadline_floor=10.0, merge__ties="any") as sidecar:
            for change in ("", "add column count int default 7", "drop column count"):
                if change:
                    await connection.execute(f"alter table unusual.many {change}")
                direct = await one_by_one(unusual.url, requests)
                assert_all_same(requests, direct, await together(sidecar.port, requests))
    finally:
        await connection.execute("alter table unusual.many drop column if exists count")
        await connection.close()


@pytest.mark.parametrize("select", ["count::text", "json_agg", "count,count", "n:count&limit=1", "count&order=count"])
async def test_another_aggregate_takes_no_call_in_vain(either: Stack, select: str) -> None:
    calls = await calls_for(either, burst_of(f"/many?select={select}&k=eq.{{}}"))
    assert calls == {"original": len(KEYS)}


@pytest.mark.parametrize("lines", [(COUNT,), ("Range: 0-9",)])
async def test_a_count_with_a_count_or_a_range_is_answered_as_alone(either: Stack, lines: tuple[str, ...]) -> None:
    assert await calls_for(either, burst_of("/many?select=count&k=eq.{}", *lines)) == {"original": len(KEYS)}


@pytest.mark.parametrize("select", ["count", "id,count", "%22count%22,id", "n:count::text"])
async def test_a_column_named_count_merges(either: Stack, select: str) -> None:
    await assert_merges(either, burst_of(f"/order%20lines?select={select}&id=eq.{{}}"))


@pytest.mark.parametrize(
    "select", ["id,kid!inner()", "kid!inner()", "*,kid()", "id,k:kid!left(),title", "id,kid(count)"]
)
async def test_an_empty_embed_merges(either: Stack, select: str) -> None:
    await assert_merges(either, burst_of(f"/num?select={select}&id=eq.{{}}&kid.id=lt.90"))


async def test_uuids_still_merge(either: Stack) -> None:
    await assert_merges(either, burst_of("/doc?id=in.({})&offset=0", literals=[uuid_of(f"doc:{n}") for n in range(5)]))
