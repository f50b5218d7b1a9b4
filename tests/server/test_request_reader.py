"""Heads off connections: in time, and together no more than may be held."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors.codes import FaultError
from proxy.server.request_reader import RequestHeadReader
from proxy.transport.connection import HIGH_WATER, Connection
from tests.e2e.harness import settings
from tests.transport.fake_connection import FakeTransport

SHORT = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


def long(size: int) -> bytes:
    """A long head, without its empty line."""
    start, end = b"GET /t?id=in.(", b") HTTP/1.1\r\nHost: h"
    return start + b"1" * (size - len(start) - len(end)) + end


def intake(**changes: Any) -> RequestHeadReader:
    small: dict[str, Any] = {"limits__head_bytes": 1000, "limits__long_head_bytes": 5000, "limits__long_heads": 8000}
    return RequestHeadReader(settings("http://h", **{**small, **changes}), lambda target: True, lambda: 0.0)


def wire(data: bytes) -> Connection:
    made = Connection()
    FakeTransport(made)
    made.data_received(data)
    return made


async def refused(heads: RequestHeadReader, client: Connection) -> str:
    with pytest.raises(FaultError, match="FANIN109") as raised:
        await heads.next_head(client)
    return raised.value.details or ""


async def test_heads_come_one_after_another_and_leave_what_follows() -> None:
    client, heads = wire(SHORT + SHORT + b"rest"), intake()
    for left in (SHORT + b"rest", b"rest"):
        assert await heads.next_head(client) == SHORT[:-4]
        assert client.buffer == left


async def test_nothing_is_held_for_short_heads() -> None:
    heads = intake()
    await heads.next_head(wire(SHORT))
    assert heads.held == 0


async def test_long_heads_are_held_until_their_requests_are_over() -> None:
    heads, first, second, third = intake(), *[wire(long(3000) + b"\r\n\r\n") for _ in range(3)]
    assert await heads.next_head(first) == long(3000)
    assert await heads.next_head(second) == long(3000)
    assert heads.held == 6000
    assert await refused(heads, third) == "limits.long_heads, which all connections share"
    assert heads.held == 6000
    heads.release(first)
    fourth = wire(long(3000) + b"\r\n\r\n")
    await heads.next_head(fourth)
    for client in (second, fourth, third):
        heads.release(client)
    assert heads.held == 0


async def test_the_next_head_of_a_connection_takes_the_place_of_the_one_before() -> None:
    client, heads = wire((long(3000) + b"\r\n\r\n") * 2 + SHORT), intake()
    for held in (3000, 3000, 0):
        await heads.next_head(client)
        assert heads.held == held


async def test_a_client_whose_head_filled_the_buffer_is_read_from_again() -> None:
    """Or nobody would notice that it hangs up."""
    big: dict[str, Any] = {"limits__long_head_bytes": 2 * HIGH_WATER, "limits__long_heads": 2 * HIGH_WATER}
    client = Connection()
    transport = FakeTransport(client)
    client.data_received(long(HIGH_WATER + 100) + b"\r\n\r\n")
    await intake(**big).next_head(client)
    assert transport.told == ["pause", "resume"]


@pytest.mark.parametrize("end", ["leaves", "stalls"])
async def test_a_head_that_stays_unfinished_is_held_no_longer(end: str) -> None:
    client, heads = wire(long(3000)), intake(timeouts__head=0.01)
    if end == "leaves":
        client.eof_received()
        assert await heads.next_head(client) is None
        heads.release(client)
    else:
        with pytest.raises(FaultError, match="FANIN108"):
            await heads.next_head(client)
    assert heads.held == 0
