"""Connection and Body: flow control in both directions, timeouts, and the end of the stream."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.chunked import MAX_STEPS, MAX_TRAILERS
from proxy.http1.framing import CHUNKED, UNTIL_CLOSE
from proxy.transport.connection import HIGH_WATER, Body, Connection, EndOfStreamError
from tests.transport.fake_connection import FakeTransport

LONG, SHORT = 60.0, 0.01


async def connected() -> tuple[Connection, FakeTransport]:
    connection = Connection()
    return connection, FakeTransport(connection)


async def run_to_first_wait(task: asyncio.Task[None]) -> None:
    """Let ``task`` run to its first wait."""
    await asyncio.sleep(0)
    assert not task.done()


async def test_a_reader_wakes_up_when_bytes_arrive() -> None:
    connection, _ = await connected()
    waiting = asyncio.create_task(connection.wait_for_data(LONG))
    await run_to_first_wait(waiting)
    connection.data_received(b"abc")
    await waiting
    assert connection.buffer == b"abc"


async def test_a_reader_waits_no_longer_than_its_timeout() -> None:
    connection, _ = await connected()
    with pytest.raises(TimeoutError):
        await connection.wait_for_data(SHORT)


async def test_a_reader_gets_an_error_when_the_peer_closes() -> None:
    connection, _ = await connected()
    waiting = asyncio.create_task(connection.wait_for_data(LONG))
    await run_to_first_wait(waiting)
    connection.eof_received()
    with pytest.raises(EndOfStreamError):
        await waiting
    with pytest.raises(EndOfStreamError):
        await connection.wait_for_data(LONG)


async def test_reading_pauses_at_the_high_water_mark_until_a_reader_waits() -> None:
    connection, transport = await connected()
    connection.data_received(b"x" * HIGH_WATER)
    assert transport.reading_calls == []
    connection.data_received(b"x")
    assert transport.reading_calls == ["pause"]
    waiting = asyncio.create_task(connection.wait_for_data(LONG))
    await run_to_first_wait(waiting)
    assert transport.reading_calls == ["pause", "resume"], "otherwise the reader would wait forever"
    connection.data_received(b"y")
    await waiting


async def test_a_writer_waits_while_writing_is_paused() -> None:
    connection, transport = await connected()
    connection.write(b"abc")
    await connection.drain(LONG)
    connection.pause_writing()
    waiting = asyncio.create_task(connection.drain(LONG))
    await run_to_first_wait(waiting)
    connection.resume_writing()
    await waiting
    assert transport.written == b"abc"


async def test_a_stalled_writer_times_out_and_a_slow_one_does_not() -> None:
    connection, transport = await connected()
    connection.pause_writing()
    transport.unsent = 100
    with pytest.raises(TimeoutError):
        await connection.drain(SHORT)
    waiting = asyncio.create_task(connection.drain(SHORT))
    await run_to_first_wait(waiting)
    transport.unsent = 90  # the peer accepts some bytes: the first timeout is extended, the second is not
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_writer_gets_an_error_when_the_connection_is_lost() -> None:
    connection, transport = await connected()
    connection.pause_writing()
    waiting = asyncio.create_task(connection.drain(LONG))
    await run_to_first_wait(waiting)
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(EndOfStreamError):
        await waiting
    connection.write(b"dropped")
    assert transport.written == b""
    assert connection.broken


async def test_drain_after_the_end_of_the_connection_is_an_error() -> None:
    connection, _ = await connected()
    connection.connection_lost(None)
    with pytest.raises(EndOfStreamError):
        await connection.drain(LONG)


async def test_fail_raises_in_the_reader_and_received_data_stays() -> None:
    connection, _ = await connected()
    waiting = asyncio.create_task(connection.wait_for_data(LONG))
    await run_to_first_wait(waiting)
    connection.fail(FaultError("FANIN108"))
    with pytest.raises(FaultError, match="FANIN108"):
        await waiting
    connection.data_received(b"answer")
    assert connection.buffer == b"answer"


async def test_a_cancelled_reader_does_not_affect_the_next_one() -> None:
    connection, _ = await connected()
    first = asyncio.create_task(connection.wait_for_data(LONG))
    await run_to_first_wait(first)
    first.cancel()
    second = asyncio.create_task(connection.wait_for_data(LONG))
    await asyncio.sleep(0)
    await asyncio.gather(first, return_exceptions=True)
    connection.data_received(b"x")
    await second


async def test_wait_closed_sends_all_data_and_aborts_if_the_peer_accepts_none() -> None:
    connection, transport = await connected()
    await connection.wait_closed(LONG)
    assert transport.closing
    assert not transport.aborted
    connection, transport = await connected()
    transport.unsent = 10
    await connection.wait_closed(SHORT)
    assert transport.aborted


async def test_a_cancelled_wait_closed_aborts_at_once() -> None:
    connection, transport = await connected()
    transport.unsent = 10
    closing = asyncio.create_task(connection.wait_closed(LONG))
    await run_to_first_wait(closing)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    assert transport.aborted


async def test_nothing_is_written_after_a_close() -> None:
    connection, transport = await connected()
    connection.close()
    connection.write(b"late")
    connection.write_eof()
    assert transport.written == b""
    assert not transport.eof


async def test_resume_continues_reading_once_the_buffer_is_small_enough() -> None:
    connection, transport = await connected()
    connection.data_received(b"x" * (HIGH_WATER + 1))
    connection.resume()
    assert transport.reading_calls == ["pause"]
    del connection.buffer[:2]
    for _ in range(2):
        connection.resume()
        assert transport.reading_calls == ["pause", "resume"]


# Bodies.


async def collect(body: Body) -> bytes:
    return b"".join([piece async for piece in body.pieces()])


@pytest.mark.parametrize(
    ("framing", "stream", "data", "remaining"),
    [
        (0, b"next", b"", b"next"),
        (3, b"abcnext", b"abc", b"next"),
        (CHUNKED, b"3\r\nabc\r\n0\r\n\r\nnext", b"abc", b"next"),
    ],
)
async def test_a_body_reads_its_own_bytes_only(framing: int, stream: bytes, data: bytes, remaining: bytes) -> None:
    connection, _ = await connected()
    connection.data_received(stream)
    body = Body(connection, framing, LONG, "FANIN104")
    assert await collect(body) == data
    assert body.done
    assert connection.buffer == remaining


@pytest.mark.parametrize("framing", [5, CHUNKED])
async def test_a_body_that_ends_early_is_an_error(framing: int) -> None:
    connection, _ = await connected()
    connection.data_received(b"3\r\n")
    connection.eof_received()
    with pytest.raises(EndOfStreamError):
        await collect(Body(connection, framing, LONG, "FANIN104"))


async def test_a_body_that_stalls_is_an_error() -> None:
    connection, _ = await connected()
    with pytest.raises(TimeoutError):
        await collect(Body(connection, 5, SHORT, "FANIN104"))


async def test_a_body_until_the_close_ends_with_a_close_but_not_with_a_reset() -> None:
    connection, _ = await connected()
    connection.data_received(b"all")
    connection.eof_received()
    assert await collect(Body(connection, UNTIL_CLOSE, LONG, "FANIN503")) == b"all"
    connection, _ = await connected()
    connection.data_received(b"half")
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(EndOfStreamError):
        await collect(Body(connection, UNTIL_CLOSE, LONG, "FANIN503"))


async def test_with_reset_ends_a_body_until_the_close_may_end_with_a_reset() -> None:
    for late in (False, True):
        connection, _ = await connected()
        connection.data_received(b"all")
        body = Body(connection, UNTIL_CLOSE, LONG, "FANIN503", reset_ends=True)
        reading = asyncio.create_task(collect(body))
        if late:
            await asyncio.sleep(0)
        connection.connection_lost(ConnectionResetError())
        assert await reading == b"all"
        assert body.done


async def test_others_have_their_turn_between_slices_of_many_small_chunks() -> None:
    """A slice has a bounded number of steps: tests/http1/test_chunked.py."""
    connection, _ = await connected()
    connection.data_received(b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n")
    body = Body(connection, CHUNKED, LONG, "FANIN104")
    turns, slices, reading = 0, 0, True

    async def count_turns() -> None:
        nonlocal turns
        while reading:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    size = 0
    async for piece in body.pieces():
        slices, size = slices + 1, size + len(piece)
    reading = False
    await counting
    assert size == 10_000
    assert slices == -(-3 * 10_000 // MAX_STEPS)
    assert turns >= slices - 1


async def test_a_slice_without_data_does_not_end_or_stall_a_body() -> None:
    connection, _ = await connected()
    trailers = b"x:\r\n" * (MAX_TRAILERS - 1)
    connection.data_received(b"1\r\na\r\n" * (MAX_STEPS // 3) + b"0\r\n" + trailers + b"\r\nnext")
    assert await collect(Body(connection, CHUNKED, SHORT, "FANIN104")) == b"a" * (MAX_STEPS // 3)
    assert connection.buffer == b"next"
