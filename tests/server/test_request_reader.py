"""RequestHeadReader: timeouts, and the budget for long head_reader."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors.codes import FaultError
from proxy.server.request_reader import RequestHeadReader
from proxy.transport.connection import HIGH_WATER, Connection
from tests.e2e.support.harness import settings
from tests.transport.fake_connection import FakeTransport

SHORT = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


def long(size: int) -> bytes:
    """A long head, without its empty line."""
    start, end = b"GET /t?id=in.(", b") HTTP/1.1\r\nHost: h"
    return start + b"1" * (size - len(start) - len(end)) + end


def reader(**changes: Any) -> RequestHeadReader:
    small: dict[str, Any] = {"limits__head_bytes": 1000, "limits__long_head_bytes": 5000, "limits__long_heads": 8000}
    return RequestHeadReader(settings("http://h", **{**small, **changes}), lambda target: True, lambda: 0.0)


def connection_with(data: bytes) -> Connection:
    connection = Connection()
    FakeTransport(connection)
    connection.data_received(data)
    return connection


async def refusal_details(head_reader: RequestHeadReader, client: Connection) -> str:
    with pytest.raises(FaultError, match="FANIN109") as raised:
        await head_reader.next_head(client)
    return raised.value.details or ""


async def test_heads_are_read_one_by_one_and_the_rest_stays_in_the_buffer() -> None:
    client, head_reader = connection_with(SHORT + SHORT + b"rest"), reader()
    for remaining in (SHORT + b"rest", b"rest"):
        assert await head_reader.next_head(client) == SHORT[:-4]
        assert client.buffer == remaining


async def test_short_heads_do_not_count_against_the_budget() -> None:
    head_reader = reader()
    await head_reader.next_head(connection_with(SHORT))
    assert head_reader.held == 0


async def test_long_heads_count_against_the_budget_until_they_are_released() -> None:
    head_reader, first, second, third = reader(), *[connection_with(long(3000) + b"\r\n\r\n") for _ in range(3)]
    assert await head_reader.next_head(first) == long(3000)
    assert await head_reader.next_head(second) == long(3000)
    assert head_reader.held == 6000
    assert await refusal_details(head_reader, third) == "limits.long_heads, which all connections share"
    assert head_reader.held == 6000
    head_reader.release(first)
    fourth = connection_with(long(3000) + b"\r\n\r\n")
    await head_reader.next_head(fourth)
    for client in (second, fourth, third):
        head_reader.release(client)
    assert head_reader.held == 0


async def test_the_next_head_of_a_connection_replaces_the_one_before_in_the_budget() -> None:
    client, head_reader = connection_with((long(3000) + b"\r\n\r\n") * 2 + SHORT), reader()
    for held in (3000, 3000, 0):
        await head_reader.next_head(client)
        assert head_reader.held == held


async def test_reading_resumes_after_a_head_that_filled_the_buffer() -> None:
    """Otherwise a disconnect of the client would not be seen."""
    big: dict[str, Any] = {"limits__long_head_bytes": 2 * HIGH_WATER, "limits__long_heads": 2 * HIGH_WATER}
    client = Connection()
    transport = FakeTransport(client)
    client.data_received(long(HIGH_WATER + 100) + b"\r\n\r\n")
    await reader(**big).next_head(client)
    assert transport.reading_calls == ["pause", "resume"]


@pytest.mark.parametrize("end", ["disconnect", "stall"])
async def test_an_incomplete_head_does_not_count_against_the_budget_any_more(end: str) -> None:
    client, head_reader = connection_with(long(3000)), reader(timeouts__head=0.01)
    if end == "disconnect":
        client.eof_received()
        assert await head_reader.next_head(client) is None
        head_reader.release(client)
    else:
        with pytest.raises(FaultError, match="FANIN108"):
            await head_reader.next_head(client)
    assert head_reader.held == 0
