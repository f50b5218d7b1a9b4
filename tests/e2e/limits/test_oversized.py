"""Lists that upstream's head limit refuses: passed on as they are, or cut and chunked. Postgres counts the calls."""

from __future__ import annotations

import asyncio
import io
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.admin.gauges import gauges
from proxy.allowed_differences import ABSENT_WHEN_CHUNKED
from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.chunk_code import array_sql
from proxy.observe.events import Event, FellBack, RequestAnswered, TraceClosed, UpstreamCalled
from proxy.observe.tree import TracePrinter
from tests.e2e.exactness.test_merge import uuid_of
from tests.e2e.support.answer_differences import differences
from tests.e2e.support.bursts import Counter, counting, get
from tests.e2e.support.harness import PATIENCE, RawAnswer, ask, fanin
from tests.e2e.support.unusual_types import another, odd_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
UPSTREAM_TAKES = 51_202
SQL = Path(__file__).parents[1] / "support" / "oversized.sql"
ROWS = 20_000
UUIDS = [uuid_of(f"big:{n}") for n in range(1, ROWS + 1)]
NUMBERS = list(range(10_000, 21_000))


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        asyncio.run(execute(made, SQL.read_text(encoding="utf-8")))
        with another(made) as knowing:
            yield knowing


async def execute(stack: Stack, sql: str) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def sized(size: int, method: str = "GET") -> bytes:
    """A request with a head of ``size`` bytes, made so by its list."""
    empty = get("/num?id=in.()&select=id").replace(b"GET", method.encode())
    elements = b",".join(b"%d" % (1 + n % 900_000) for n in range(size // 2))[: size - len(empty)]
    if elements.endswith(b","):
        elements = elements[:-1] + b"1"
    return empty.replace(b"()", b"(" + elements + b")")


def assert_equal(direct: RawAnswer, through: RawAnswer) -> None:
    """Fail with the beginnings of what differs: these heads and bodies are long."""
    assert not [difference[:300] for difference in differences(direct, through)]


@pytest.mark.parametrize("size", [UPSTREAM_TAKES + 1, 65_536, 65_537, 100_000, 300_000, 1_000_000])
async def test_upstreams_refusal_is_passed_back_as_it_came(odd: Stack, size: int) -> None:
    request = sized(size)
    assert len(request) == size
    direct = await ask(odd.url, request)
    async with counting(odd.dsn) as counter, fanin(odd.url) as sidecar:
        await counter.reset()
        through = await ask(sidecar.port, request)
        assert await counter.statements() == 0
        assert gauges(sidecar)["long_head_bytes"] == 0
    assert_equal(direct, through)
    assert (through.status, through.body, through.complete) == (400, b"Bad Request", True)


async def test_a_head_that_upstream_takes_is_nobodys_business(odd: Stack) -> None:
    request = sized(UPSTREAM_TAKES)
    direct = await ask(odd.url, request)
    async with counting(odd.dsn) as counter, fanin(odd.url, upstream_host="client") as sidecar:
        await counter.reset()
        assert_equal(direct, await ask(sidecar.port, request))
        assert await counter.statements() == 1
    assert direct.status == 200


@pytest.mark.parametrize(("method", "size"), [("GET", 1_100_000), ("POST", 100_000), ("HEAD", 100_000)])
async def test_a_head_beyond_its_limit_is_431(odd: Stack, method: str, size: int) -> None:
    async with counting(odd.dsn) as counter, fanin(odd.url) as sidecar:
        await counter.reset()
        assert (await ask(sidecar.port, sized(size, method))).status == 431
        assert await counter.statements() == 0


# Cut and chunked.


class Watch:
    """What a fanin at level rewrite says of its lists."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.calls: list[int] = []
        self.saved = 0
        self.doubts: list[tuple[str, str]] = []
        sidecar._events.subscribe(self)

    def __call__(self, event: Event) -> None:
        if isinstance(event, UpstreamCalled) and event.kind == "part":
            self.calls.append(event.status)
            self.saved -= event.costs == "FAN005"
        elif isinstance(event, RequestAnswered):
            self.saved += event.saves == "FAN005"
        elif isinstance(event, FellBack):
            self.doubts.append((event.reason, event.detail))


def listing(literals: Iterable[object]) -> str:
    return f"in.({','.join(map(str, literals))})"


def without_location(answer: RawAnswer) -> RawAnswer:
    """A direct answer as a chunked one is."""
    lines = [line for line in answer.head.split(b"\r\n") if line.partition(b":")[0].lower() not in ABSENT_WHEN_CHUNKED]
    assert len(lines) < len(answer.head.split(b"\r\n"))
    return RawAnswer(b"\r\n".join(lines), answer.body)


async def chunked(odd: Stack, request: bytes, calls: int | None = None, **changes: object) -> RawAnswer:
    """The answer to an over-long list through a fresh fanin; as many ``calls`` as Postgres counts statements."""
    changes = {"rules__fan005": "rewrite", "headers": "on"} | changes
    async with counting(odd.dsn) as counter, fanin(odd.url, **changes) as sidecar:
        watch = Watch(sidecar)
        await counter.reset()
        answer = await ask(sidecar.port, request)
        taken = await counter.statements()
        assert gauges(sidecar)["lists_cut"] == 0
    assert answer.values(b"x-fanin") == [b"chunked; calls=%d" % taken]
    assert watch.calls == [200] * taken
    assert watch.saved == 1 - taken
    assert not watch.doubts
    assert calls is None or taken == calls
    return answer


async def settled(counter: Counter) -> None:
    """PostgREST ends what it began, though nobody waits for it any more: wait until it counts no further."""
    count = -1
    async with asyncio.timeout(PATIENCE):
        while count != (now := await counter.statements()):
            count = now
            await asyncio.sleep(0.2)


async def refused(odd: Stack, request: bytes, doubt: str = "", **changes: object) -> list[int]:
    """The caller gets upstream's own error. Returns the statuses of the chunks that were fetched before."""
    direct = await ask(odd.url, request)
    changes = {"rules__fan005": "rewrite"} | changes
    async with counting(odd.dsn) as counter, fanin(odd.url, **changes) as sidecar:
        watch = Watch(sidecar)
        await counter.reset()
        assert_equal(direct, await ask(sidecar.port, request))
        if not doubt:
            assert await counter.statements() == 0
        await settled(counter)
        assert await counter.statements() <= len(watch.calls)
    assert direct.status == 400
    assert [reason for reason, _ in watch.doubts] == ([doubt] if doubt else [])
    assert watch.saved == -len(watch.calls)
    return watch.calls


def rows_of(answer: RawAnswer) -> list[bytes]:
    """The rows of an answer from ``big``, as bytes."""
    return re.split(rb', ?\n? ?(?=\{"id":"[0-9a-f]{8}-)', answer.body[1:-1])


def assert_rows_of(direct: RawAnswer, through: RawAnswer, *, ordered: bool) -> None:
    """The head is the direct answer's, without its location; so are the rows, and where that matters their order."""
    whole = without_location(direct)
    assert_equal(RawAnswer(whole.head, b""), RawAnswer(through.head, b""))
    assert len(rows_of(whole)) > 1000
    if ordered:
        assert whole.body == through.body
    else:
        assert sorted(rows_of(whole)) == sorted(rows_of(through))
        assert len(whole.body) == len(through.body)


async def test_20_000_uuids_are_answered_with_the_rows_that_another_filter_finds(odd: Stack) -> None:
    direct = await ask(odd.url, get(f"/big?n=lte.{ROWS}"))
    through = await chunked(odd, get(f"/big?id={listing(UUIDS)}"), calls=15 + 1)
    assert_rows_of(direct, through, ordered=False)


@pytest.mark.parametrize("order", ["id", "id.asc", "id.desc", "id.desc.nullslast"])
async def test_uuids_in_order_are_answered_in_that_order(odd: Stack, order: str) -> None:
    direct = await ask(odd.url, get(f"/big?n=lte.{ROWS}&select=id,note,j&order={order}"))
    through = await chunked(odd, get(f"/big?select=id,note,j&id={listing(UUIDS)}&order={order}"), calls=15 + 2)
    assert_rows_of(direct, through, ordered=True)


@pytest.mark.parametrize("column", ["n", "dec"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_numbers_in_order_are_answered_in_that_order(odd: Stack, column: str, order: str) -> None:
    numbers = [n for n in NUMBERS if n != 10_001]
    random.Random(1).shuffle(numbers)
    direct = await ask(odd.url, get(f"/big?and=(n.gte.10000,n.lt.21000,n.neq.10001)&order={column}.{order}"))
    through = await chunked(odd, get(f"/big?{column}={listing(numbers)}&order={column}.{order}"), calls=2 + 2)
    assert_rows_of(direct, through, ordered=True)


async def test_a_key_that_is_listed_again_in_another_part_matches_once(odd: Stack) -> None:
    again = UUIDS[:3000]
    random.Random(2).shuffle(again)
    direct = await ask(odd.url, get("/big?n=lte.3000&order=id"))
    for order in ("", "&order=id"):
        through = await chunked(odd, get(f"/big?id={listing(UUIDS[:3000] + again + UUIDS[:9])}{order}"))
        assert_rows_of(direct, through, ordered=bool(order))


async def test_several_rows_a_key_all_come(odd: Stack) -> None:
    direct = await ask(odd.url, get("/big?n=gte.3000&n=lt.21000"))
    keys = range(1000, 12_000)
    assert_rows_of(direct, await chunked(odd, get(f"/big?grp={listing(keys)}&n=lt.21000")), ordered=False)


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ("&select=n,id", ()),
        ("&select=id,note&note=like.note*&or=(n.lt.500,n.gt.900)", ()),
        ("", ("Accept: application/vnd.pgrst.array+json;nulls=stripped",)),
        ("", ("Prefer: handling=lenient", "Origin: http://app.example", "Accept-Encoding: gzip")),
        ("&select=id,n,grp::text&j=not.is.null", ()),
    ],
)
async def test_whatever_else_is_asked_is_asked_of_every_part(odd: Stack, more: str, lines: tuple[str, ...]) -> None:
    direct = await ask(odd.url, get(f"/big?n=lte.4000{more}&order=id", *lines))
    through = await chunked(odd, get(f"/big?id={listing(UUIDS[:4000])}{more}&order=id", *lines))
    whole = without_location(direct)
    assert_equal(RawAnswer(whole.head, whole.body), RawAnswer(through.head, through.body))


async def test_a_list_as_supabase_js_writes_it_is_answered(odd: Stack) -> None:
    written = listing(UUIDS).replace("(", "%28").replace(")", "%29").replace(",", "%2C")
    direct = await ask(odd.url, get(f"/big?n=lte.{ROWS}&select=id&order=id"))
    assert_rows_of(direct, await chunked(odd, get(f"/big?select=id&id={written}&order=id.asc")), ordered=True)


async def test_no_row_at_all_is_an_empty_answer(odd: Stack) -> None:
    direct = without_location(await ask(odd.url, get("/big?n=lt.0&order=n")))
    for order in ("", "&order=n"):
        request = get(f"/big?n={listing(range(100_000, 120_000))}{order}")
        through = await chunked(odd, request, calls=3)
        assert_equal(direct, RawAnswer(through.head, through.body))


async def test_what_one_answer_proved_the_next_list_need_not_prove_again(odd: Stack) -> None:
    async with counting(odd.dsn) as counter, fanin(odd.url, rules__fan005="rewrite") as sidecar:
        for statements in (16, 15):
            await counter.reset()
            assert (await ask(sidecar.port, get(f"/big?id={listing(UUIDS)}"))).status == 200
            assert await counter.statements() == statements


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
    odd: Stack, query: str, lines: tuple[str, ...]
) -> None:
    assert await refused(odd, get(f"/big?id={listing(UUIDS[:3000])}{query}", *lines)) == []


@pytest.mark.parametrize("query", ["id=in.(%22{}%22)", "id=in.({},null)", "or=(id.in.({}))", "id=not.in.({})"])
async def test_a_list_of_anything_but_plain_literals_is_passed_on(odd: Stack, query: str) -> None:
    assert await refused(odd, get("/big?" + query.format(",".join(UUIDS[:3000])))) == []


async def test_a_request_that_is_not_at_level_rewrite_is_passed_on(odd: Stack) -> None:
    request = get(f"/big?id={listing(UUIDS[:3000])}")
    for changes in ({"rules__fan005": "report"}, {"mode": "observe"}, {"mode": "pass"}, {"mode": "shadow"}):
        assert await refused(odd, request, **changes) == []


@pytest.mark.parametrize(
    ("doubt", "query"),
    [
        ("order", f"word={listing(range(5000, 16_000))}&order=word"),
        ("unexpected-key", f"dec={listing(NUMBERS)}"),
        ("headers", f"n={listing(NUMBERS)}&select=id,loud"),
        ("status", f"n={listing([*NUMBERS, 10**15])}"),
        ("status", f"n={listing(NUMBERS)}&select=nope"),
    ],
)
async def test_a_doubt_in_any_part_leaves_it_to_upstream(odd: Stack, doubt: str, query: str) -> None:
    assert await refused(odd, get(f"/big?{query}"), doubt)


async def test_texts_that_look_like_numbers_are_found_where_no_order_is_asked(odd: Stack) -> None:
    direct = await ask(odd.url, get("/big?n=gte.5000&n=lt.16000"))
    assert_rows_of(direct, await chunked(odd, get(f"/big?word={listing(range(5000, 16_000))}")), ordered=False)


async def test_a_token_that_upstream_does_not_believe_is_its_business(odd: Stack) -> None:
    request = get(f"/big?id={listing(UUIDS)}", "Authorization: Bearer not.a.token")
    assert set(await refused(odd, request, "status")) <= {401, -1}


async def test_an_answer_larger_than_may_be_held_is_left_to_upstream(odd: Stack) -> None:
    calls = await refused(odd, get(f"/big?id={listing(UUIDS)}"), "too-large", merge__max_body=500_000)
    assert len(calls) < 12


# max-rows.


@pytest.mark.parametrize("max_rows", [1000, 5000, ROWS - 1])
async def test_rows_that_max_rows_would_cut_are_never_all_given_out(odd: Stack, max_rows: int) -> None:
    request = get(f"/big?id={listing(UUIDS)}&select=id")
    with another(odd, db_max_rows=str(max_rows)) as cut:
        calls = await refused(cut, request, "incomplete")
        assert len(calls) <= 16
        assert await refused(cut, request, "incomplete", merge__max_rows=max_rows)


async def test_rows_that_max_rows_lets_through_are_given_out(odd: Stack) -> None:
    request = get(f"/big?id={listing(UUIDS)}&select=id&order=id")
    with another(odd, db_max_rows=str(ROWS)) as exact:
        direct = await ask(exact.url, get(f"/big?n=lte.{ROWS}&select=id&order=id"))
        assert_rows_of(direct, await chunked(exact, request, calls=17), ordered=True)
        assert_rows_of(direct, await chunked(exact, request, calls=16, merge__max_rows=ROWS), ordered=True)


async def test_a_query_that_failed_is_left_alone_for_a_while(odd: Stack) -> None:
    request = get(f"/big?id={listing(UUIDS)}&select=id")
    changes = {"rules__fan005": "rewrite", "merge__pause_first": 60.0, "headers": "on"}
    with another(odd, db_max_rows="1000") as cut:
        async with fanin(cut.url, **changes) as sidecar:
            watch = Watch(sidecar)
            assert (await ask(sidecar.port, request)).values(b"x-fanin") == [b"fallback"]
            calls = len(watch.calls)
            assert calls > 0
            assert (await ask(sidecar.port, request)).values(b"x-fanin") == [b"passed; reason=paused"]
            assert len(watch.calls) == calls
        async with counting(cut.dsn) as counter:
            await settled(counter)


# What is told.


async def test_the_finding_is_printed_where_the_list_is_passed_on(odd: Stack) -> None:
    printed = io.StringIO()
    async with fanin(odd.url) as sidecar:
        sidecar._events.subscribe(TracePrinter(printed))
        assert (await ask(sidecar.port, get(f"/big?id={listing(UUIDS)}"))).status == 400
    text = printed.getvalue()
    assert "[HIGH: FAN005] 20000 values of id in one URL of big" in text
    assert "passed: oversized" in text
    assert "keys uuid[]" in text
    assert UUIDS[0] not in text


async def test_nothing_is_found_at_level_off(odd: Stack) -> None:
    closed: list[TraceClosed] = []
    async with fanin(odd.url, rules__fan005="off") as sidecar:
        sidecar._events.subscribe(lambda event: closed.append(event) if isinstance(event, TraceClosed) else None)
        await ask(sidecar.port, get(f"/big?id={listing(UUIDS)}"))
    assert [event.findings for event in closed] == [()]


async def test_a_trace_counts_the_calls_that_an_answer_took(odd: Stack) -> None:
    closed: list[TraceClosed] = []
    async with counting(odd.dsn) as counter, fanin(odd.url, rules__fan005="rewrite") as sidecar:
        sidecar._events.subscribe(lambda event: closed.append(event) if isinstance(event, TraceClosed) else None)
        await counter.reset()
        await ask(sidecar.port, get(f"/big?id={listing(UUIDS)}"))
        taken = await counter.statements()
    (event,) = closed
    assert event.trace.calls == taken
    assert "FAN005" in [finding.code for finding in event.findings]


async def test_the_function_that_the_finding_writes_out_answers_the_same(odd: Stack) -> None:
    shown = read_fingerprint("GET big?id=in.?")
    await execute(
        odd, "set search_path to odd; create function" + array_sql(shown, "id", "uuid").split("create function")[1]
    )
    keys = ",".join(f'"{key}"' for key in UUIDS).encode()
    body = b'{"keys":[' + keys + b"]}"
    head = b"POST /rpc/list_big_by_ids?order=id HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    with another(odd) as knowing:
        direct = await ask(knowing.url, get(f"/big?n=lte.{ROWS}&order=id"))
        called = await ask(knowing.url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await execute(odd, "drop function odd.list_big_by_ids")
    assert called.body == direct.body
