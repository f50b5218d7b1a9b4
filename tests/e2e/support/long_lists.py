"""Lists too long for the head that PostgREST takes: their table, their requests, and what a fanin makes of them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from proxy.admin.gauges import gauges
from proxy.allowed_differences import ABSENT_WHEN_CHUNKED
from proxy.observe.events import Event, FellBack, RequestAnswered, UpstreamCalled
from tests.e2e.support.answer_differences import differences
from tests.e2e.support.bursts import StatementCounter, get, statement_counter
from tests.e2e.support.harness import TIMEOUT, RawAnswer, ask, fanin
from tests.e2e.support.literals import uuid_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack


UPSTREAM_TAKES = 51_202


SQL = Path(__file__).with_name("long_lists.sql")


ROWS = 20_000


UUIDS = [uuid_of(f"big:{n}") for n in range(1, ROWS + 1)]


NUMBERS = list(range(10_000, 21_000))


async def execute_sql(stack: Stack, sql: str) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def request_of_size(size: int, method: str = "GET") -> bytes:
    """A request with a head of ``size`` bytes, made so by its list."""
    empty = get("/num?id=in.()&select=id").replace(b"GET", method.encode())
    elements = b",".join(b"%d" % (1 + n % 900_000) for n in range(size // 2))[: size - len(empty)]
    if elements.endswith(b","):
        elements = elements[:-1] + b"1"
    return empty.replace(b"()", b"(" + elements + b")")


def assert_equal(direct: RawAnswer, through: RawAnswer) -> None:
    """Fail with the beginnings of what differs: these heads and bodies are long."""
    assert not [difference[:300] for difference in differences(direct, through)]


class ChunkEvents:
    """What a fanin at level rewrite says of its lists."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.calls: list[int] = []
        self.saved = 0
        self.fallbacks: list[tuple[str, str]] = []
        sidecar._events.subscribe(self)

    def __call__(self, event: Event) -> None:
        if isinstance(event, UpstreamCalled) and event.kind == "part":
            self.calls.append(event.status)
            self.saved -= event.costs == "FAN005"
        elif isinstance(event, RequestAnswered):
            self.saved += event.saves == "FAN005"
        elif isinstance(event, FellBack):
            self.fallbacks.append((event.reason, event.detail))


def in_list(literals: Iterable[object]) -> str:
    return f"in.({','.join(map(str, literals))})"


def without_location(answer: RawAnswer) -> RawAnswer:
    """A direct answer as a chunked one is."""
    lines = [line for line in answer.head.split(b"\r\n") if line.partition(b":")[0].lower() not in ABSENT_WHEN_CHUNKED]
    assert len(lines) < len(answer.head.split(b"\r\n"))
    return RawAnswer(b"\r\n".join(lines), answer.body)


async def assert_chunked(unusual: Stack, request: bytes, calls: int | None = None, **changes: object) -> RawAnswer:
    """The answer to an over-long list through a fresh fanin; as many ``calls`` as Postgres counts statements."""
    changes = {"rules__fan005": "rewrite", "headers": "on"} | changes
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, **changes) as sidecar:
        watch = ChunkEvents(sidecar)
        await counter.reset()
        answer = await ask(sidecar.port, request)
        taken = await counter.statements()
        assert gauges(sidecar)["lists_cut"] == 0
    assert answer.values(b"x-fanin") == [b"chunked; calls=%d" % taken]
    assert watch.calls == [200] * taken
    assert watch.saved == 1 - taken
    assert not watch.fallbacks
    assert calls is None or taken == calls
    return answer


async def wait_until_postgrest_is_done(counter: StatementCounter) -> None:
    """PostgREST ends what it began, though nobody waits for it any more: wait until it counts no further."""
    count = -1
    async with asyncio.timeout(TIMEOUT):
        while count != (now := await counter.statements()):
            count = now
            await asyncio.sleep(0.2)


async def assert_refused(unusual: Stack, request: bytes, reason: str = "", **changes: object) -> list[int]:
    """The caller gets upstream's own error. Returns the statuses of the chunks that were fetched before."""
    direct = await ask(unusual.url, request)
    changes = {"rules__fan005": "rewrite"} | changes
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, **changes) as sidecar:
        watch = ChunkEvents(sidecar)
        await counter.reset()
        assert_equal(direct, await ask(sidecar.port, request))
        if not reason:
            assert await counter.statements() == 0
        await wait_until_postgrest_is_done(counter)
        assert await counter.statements() <= len(watch.calls)
    assert direct.status == 400
    assert [got for got, _ in watch.fallbacks] == ([reason] if reason else [])
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
