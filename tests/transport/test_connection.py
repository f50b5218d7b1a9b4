"""A connection as a buffer: back-pressure both ways, and nobody waits for a side that is gone."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.framing import CHUNKED, UNTIL_CLOSE
from proxy.transport.connection import HIGH_WATER, Body, Connection, EndOfStreamError
from tests.transport.fake_connection import FakeTransport

LONG, SHORT = 60.0, 0.01


async def wired() -> tuple[Connection, FakeTransport]:
    wire = Connection()
    return wire, FakeTransport(wire)


async def started(task: asyncio.Task[None]) -> None:
    """Let ``task`` run to its first wait."""
    await asyncio.sleep(0)
    assert not task.done()


async def test_a_reader_wakes_when_bytes_come() -> None:
    wire, _ = await wired()
    waiting = asyncio.create_task(wire.wait_for_data(LONG))
    await started(waiting)
    wire.data_received(b"abc")
    await waiting
    assert wire.buffer == b"abc"


async def test_a_reader_waits_no_longer_than_told() -> None:
    wire, _ = await wired()
    with pytest.raises(TimeoutError):
        await wire.wait_for_data(SHORT)


async def test_a_reader_learns_that_the_other_side_closed() -> None:
    wire, _ = await wired()
    waiting = asyncio.create_task(wire.wait_for_data(LONG))
    await started(waiting)
    wire.eof_received()
    with pytest.raises(EndOfStreamError):
        await waiting
    with pytest.raises(EndOfStreamError):
        await wire.wait_for_data(LONG)


async def test_the_sender_is_held_at_the_high_water_mark_until_somebody_asks_for_more() -> None:
    wire, transport = await wired()
    wire.data_received(b"x" * HIGH_WATER)
    assert transport.told == []
    wire.data_received(b"x")
    assert transport.told == ["pause"]
    waiting = asyncio.create_task(wire.wait_for_data(LONG))
    await started(waiting)
    assert transport.told == ["pause", "resume"], "who asks for more than is held would else wait for ever"
    wire.data_received(b"y")
    await waiting


async def test_a_writer_waits_while_the_other_side_is_slow() -> None:
    wire, transport = await wired()
    wire.write(b"abc")
    await wire.drain(LONG)
    wire.pause_writing()
    waiting = asyncio.create_task(wire.drain(LONG))
    await started(waiting)
    wire.resume_writing()
    await waiting
    assert transport.written == b"abc"


async def test_a_stalled_writer_gives_up_but_a_slow_one_goes_on() -> None:
    wire, transport = await wired()
    wire.pause_writing()
    transport.stuck = 100
    with pytest.raises(TimeoutError):
        await wire.drain(SHORT)
    waiting = asyncio.create_task(wire.drain(SHORT))
    await started(waiting)
    transport.stuck = 90  # some of it is taken: the first look forgives, the second finds no more gone
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_writer_learns_that_the_other_side_is_gone() -> None:
    wire, transport = await wired()
    wire.pause_writing()
    waiting = asyncio.create_task(wire.drain(LONG))
    await started(waiting)
    wire.connection_lost(ConnectionResetError())
    with pytest.raises(EndOfStreamError):
        await waiting
    wire.write(b"dropped")
    assert transport.written == b""
    assert wire.broken


async def test_a_vanished_peer_is_no_sink_that_takes_everything() -> None:
    wire, _ = await wired()
    wire.connection_lost(None)
    with pytest.raises(EndOfStreamError):
        await wire.drain(LONG)


async def test_what_failed_fails_the_reader_but_not_what_already_came() -> None:
    wire, _ = await wired()
    waiting = asyncio.create_task(wire.wait_for_data(LONG))
    await started(waiting)
    wire.fail(FaultError("FANIN108"))
    with pytest.raises(FaultError, match="FANIN108"):
        await waiting
    wire.data_received(b"answer")
    assert wire.buffer == b"answer"


async def test_a_reader_that_was_cancelled_leaves_its_successor_alone() -> None:
    wire, _ = await wired()
    first = asyncio.create_task(wire.wait_for_data(LONG))
    await started(first)
    first.cancel()
    second = asyncio.create_task(wire.wait_for_data(LONG))
    await asyncio.sleep(0)
    await asyncio.gather(first, return_exceptions=True)
    wire.data_received(b"x")
    await second


async def test_closing_waits_for_what_is_written_and_cuts_off_who_takes_nothing() -> None:
    wire, transport = await wired()
    await wire.wait_closed(LONG)
    assert transport.closing
    assert not transport.aborted
    wire, transport = await wired()
    transport.stuck = 10
    await wire.wait_closed(SHORT)
    assert transport.aborted


async def test_a_closing_that_is_cancelled_cuts_off_at_once() -> None:
    wire, transport = await wired()
    transport.stuck = 10
    closing = asyncio.create_task(wire.wait_closed(LONG))
    await started(closing)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    assert transport.aborted


async def test_nothing_is_written_behind_a_close() -> None:
    wire, transport = await wired()
    wire.close()
    wire.write(b"late")
    wire.write_eof()
    assert transport.written == b""
    assert not transport.eof


async def test_a_wire_that_was_full_reads_on_once_it_is_emptied() -> None:
    wire, transport = await wired()
    wire.data_received(b"x" * (HIGH_WATER + 1))
    wire.resume()
    assert transport.told == ["pause"]
    del wire.buffer[:2]
    for _ in range(2):
        wire.resume()
        assert transport.told == ["pause", "resume"]


# Bodies.


async def collect(body: Body) -> bytes:
    return b"".join([piece async for piece in body.pieces()])


@pytest.mark.parametrize(
    ("framing", "stream", "data", "left"),
    [
        (0, b"next", b"", b"next"),
        (3, b"abcnext", b"abc", b"next"),
        (CHUNKED, b"3\r\nabc\r\n0\r\n\r\nnext", b"abc", b"next"),
    ],
)
async def test_a_body_takes_what_is_its_own(framing: int, stream: bytes, data: bytes, left: bytes) -> None:
    wire, _ = await wired()
    wire.data_received(stream)
    body = Body(wire, framing, LONG, "FANIN104")
    assert await collect(body) == data
    assert body.done
    assert wire.buffer == left


@pytest.mark.parametrize("framing", [5, CHUNKED])
async def test_a_body_that_ends_early_is_an_error(framing: int) -> None:
    wire, _ = await wired()
    wire.data_received(b"3\r\n")
    wire.eof_received()
    with pytest.raises(EndOfStreamError):
        await collect(Body(wire, framing, LONG, "FANIN104"))


async def test_a_body_that_stalls_is_an_error() -> None:
    wire, _ = await wired()
    with pytest.raises(TimeoutError):
        await collect(Body(wire, 5, SHORT, "FANIN104"))


async def test_a_body_until_the_close_ends_with_a_close_but_not_with_a_reset() -> None:
    wire, _ = await wired()
    wire.data_received(b"all")
    wire.eof_received()
    assert await collect(Body(wire, UNTIL_CLOSE, LONG, "FANIN503")) == b"all"
    wire, _ = await wired()
    wire.data_received(b"half")
    wire.connection_lost(ConnectionResetError())
    with pytest.raises(EndOfStreamError):
        await collect(Body(wire, UNTIL_CLOSE, LONG, "FANIN503"))


async def test_a_body_until_the_close_may_end_with_a_reset_where_that_is_said() -> None:
    for late in (False, True):
        wire, _ = await wired()
        wire.data_received(b"all")
        body = Body(wire, UNTIL_CLOSE, LONG, "FANIN503", reset_ends=True)
        reading = asyncio.create_task(collect(body))
        if late:
            await asyncio.sleep(0)
        wire.connection_lost(ConnectionResetError())
        assert await reading == b"all"
        assert body.done
