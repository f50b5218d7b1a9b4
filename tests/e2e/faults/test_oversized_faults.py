"""Parts of an over-long list whose upstream fails, stalls or contradicts itself; clients that leave; bounds."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from proxy.observe.events import FellBack
from tests.e2e.support.bursts import get, sockets
from tests.e2e.support.error_codes import error_code
from tests.e2e.support.faulty_upstream import correct_answer
from tests.e2e.support.harness import ScriptedConnection, ScriptedUpstream, ask, fanin, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from proxy.sidecar.sidecar import Sidecar

pytestmark = pytest.mark.e2e
NUMBERS = range(100_000, 140_000)
REQUEST = get(f"/t?select=id&id=in.({','.join(map(str, NUMBERS))})")
PARTS = 6
REFUSAL = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBad Request"


def is_chunk(request: bytes) -> bool:
    return b":id::text" in request


class ChunkFaults:
    """A fanin before an upstream that answers the n-th part as ``fault`` says, and refuses lists that are not cut."""

    def __init__(self, upstream: ScriptedUpstream, sidecar: Sidecar) -> None:
        self.upstream = upstream
        self.sidecar = sidecar
        self.fallbacks: list[str] = []
        sidecar._events.subscribe(
            lambda event: self.fallbacks.append(event.reason) if isinstance(event, FellBack) else None
        )

    @property
    def parts(self) -> list[bytes]:
        return [request for request in self.upstream.requests if is_chunk(request)]


@asynccontextmanager
async def faulty_chunks(
    fault: Callable[[ScriptedConnection, bytes, int], Awaitable[bytes]], **changes: object
) -> AsyncIterator[ChunkFaults]:
    seen = 0

    async def script(connection: ScriptedConnection) -> None:
        nonlocal seen
        while (request := await connection.request()) is not None:
            if not is_chunk(request):
                await connection.send(REFUSAL)
                return
            seen += 1
            await connection.send(await fault(connection, request, seen))

    changes = {"rules__fan005": "rewrite", "merge__max_rows": 1_000_000} | changes
    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, **changes) as sidecar:
        yield ChunkFaults(upstream, sidecar)


async def no_fault(_: ScriptedConnection, request: bytes, __: int) -> bytes:
    return correct_answer(request)


async def test_the_parts_are_stitched_in_the_order_of_the_list() -> None:
    async def later_first(_: ScriptedConnection, request: bytes, number: int) -> bytes:
        await asyncio.sleep(0.02 / number)
        return correct_answer(request)

    async with faulty_chunks(later_first) as made:
        answer = await ask(made.sidecar.port, REQUEST)
        assert [row["id"] for row in json.loads(answer.body)] == list(NUMBERS)
        assert len(made.parts) == PARTS
        assert not made.fallbacks


@pytest.mark.parametrize("most", [1, 3])
async def test_so_many_parts_are_in_flight_at_once_and_no_more(most: int) -> None:
    busy: list[int] = [0, 0]
    together = asyncio.Event()

    async def counted(_: ScriptedConnection, request: bytes, __: int) -> bytes:
        busy[0] += 1
        busy[1] = max(busy)
        if busy[0] == most:
            together.set()
        await together.wait()
        busy[0] -= 1
        return correct_answer(request)

    async with faulty_chunks(counted, rules__oversized_in_list__concurrent_chunks=most) as made:
        assert (await ask(made.sidecar.port, REQUEST)).status == 200
    assert busy[1] == most


async def test_so_many_lists_are_cut_at_once_and_the_others_wait_their_turn() -> None:
    release = asyncio.Event()

    async def held(_: ScriptedConnection, request: bytes, __: int) -> bytes:
        await release.wait()
        return correct_answer(request)

    changes = {"rules__oversized_in_list__concurrent_lists": 1, "rules__oversized_in_list__concurrent_chunks": 1}
    async with faulty_chunks(held, **changes) as made, sockets(made.sidecar.port, 3) as clients:
        for client in clients:
            await client.send(REQUEST)
        await until(lambda: gauges(made.sidecar)["lists_cut"] == 3 and made.parts)
        assert len(made.parts) == 1
        release.set()
        assert [(await client.answer()).status for client in clients] == [200] * 3
        assert len(made.parts) == 3 * PARTS
        assert gauges(made.sidecar)["lists_cut"] == 0


async def test_a_client_that_hangs_up_cancels_all_parts_and_makes_room() -> None:
    async def silent(connection: ScriptedConnection, _: bytes, __: int) -> bytes:
        await connection.gone()
        return b""

    async with faulty_chunks(silent, rules__oversized_in_list__concurrent_lists=1) as made:
        for rounds in (1, 2):
            async with sockets(made.sidecar.port, 1) as (client,):
                await client.send(REQUEST)
                await until(lambda: len(made.parts) == 4 * rounds)  # noqa: B023 – it is not kept
                client.abort()
            await made.upstream.until(lambda: all(connection.closed for connection in made.upstream.connections))
            await until(lambda: gauges(made.sidecar)["lists_cut"] == 0)
        assert gauges(made.sidecar)["upstream_busy"] == 0
        assert gauges(made.sidecar)["long_head_bytes"] == 0
        assert not made.fallbacks


async def reset_in_head(connection: ScriptedConnection, _: bytes, __: int) -> bytes:
    await connection.send(b"HTTP/1.1 200 OK\r\nDate")
    connection.abort()
    return b""


async def reset_in_body(connection: ScriptedConnection, request: bytes, __: int) -> bytes:
    await connection.send(correct_answer(request)[:-5])
    connection.abort()
    return b""


async def statement_timeout(_: ScriptedConnection, __: bytes, ___: int) -> bytes:
    body = b'{"code":"57014","message":"canceling statement due to statement timeout"}'
    return b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def unexpected_key(_: ScriptedConnection, request: bytes, __: int) -> bytes:
    return correct_answer(request).replace(b'":"1', b'":"2', 1)


async def cookie(_: ScriptedConnection, request: bytes, __: int) -> bytes:
    return correct_answer(request, "Set-Cookie: a=b\r\n")


async def other_release(_: ScriptedConnection, request: bytes, number: int) -> bytes:
    return correct_answer(request).replace(b"12.0.2", b"12.0.%d" % number)


async def one_row_less(_: ScriptedConnection, request: bytes, __: int) -> bytes:
    head, empty, _body = correct_answer(request).partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*lines, b"Content-Length: 2"]) + empty + b"[]"


async def partial(_: ScriptedConnection, request: bytes, __: int) -> bytes:
    return correct_answer(request).replace(b"200 OK", b"206 Partial Content")


FAULTS = {
    "connection": reset_in_head,
    "connection, in the body": reset_in_body,
    "status": statement_timeout,
    "status, in part": partial,
    "unexpected-key": unexpected_key,
    "headers": cookie,
    "headers, of another release": other_release,
    "shape": one_row_less,
}


@pytest.mark.parametrize("which", [1, PARTS])
@pytest.mark.parametrize(("name", "fault"), FAULTS.items(), ids=list(FAULTS))
async def test_one_part_that_fails_leaves_the_list_to_upstream(
    name: str, fault: Callable[[ScriptedConnection, bytes, int], Awaitable[bytes]], which: int
) -> None:
    async def one_fails(connection: ScriptedConnection, request: bytes, number: int) -> bytes:
        return await (fault if number == which else no_fault)(connection, request, number)

    async with faulty_chunks(one_fails) as made:
        answer = await ask(made.sidecar.port, REQUEST)
        assert (answer.status, answer.body) == (400, b"Bad Request")
        assert made.fallbacks == [name.partition(",")[0]]
        assert sum(not is_chunk(request) for request in made.upstream.requests) == 1
        await until(lambda: gauges(made.sidecar)["upstream_busy"] == 0)


async def test_parts_slower_than_half_of_an_answers_time_are_given_up_for_the_original() -> None:
    async def silent(connection: ScriptedConnection, request: bytes, number: int) -> bytes:
        if number == 1:
            await connection.gone()
        return correct_answer(request)

    async with faulty_chunks(silent, timeouts__upstream_head=6.0) as made:
        assert (await ask(made.sidecar.port, REQUEST)).status == 400
        assert made.fallbacks == ["deadline"]
        assert len(made.parts) == PARTS


async def test_a_list_whose_parts_waited_too_long_for_a_connection_does_not_wait_again() -> None:
    going = asyncio.Event()

    async def hangs(_: ScriptedConnection, request: bytes, number: int) -> bytes:
        await going.wait()
        return correct_answer(request)

    changes = {"pool__calls": 1, "timeouts__queue": 0.05}
    async with faulty_chunks(hangs, **changes) as made, sockets(made.sidecar.port, 1) as (client,):
        await client.send(REQUEST)
        answer = await client.answer()
        assert error_code(answer) == "FANIN507"
        assert len(made.upstream.requests) <= 1, "neither another part nor the whole list was sent"
        assert made.fallbacks == ["connection"]
        going.set()
        before = len(made.parts)
        await ask(made.sidecar.port, REQUEST)
        assert len(made.parts) > before, "there is no pause"
