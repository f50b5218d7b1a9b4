"""The delayed link of the demo passes bytes on unchanged, and not before its delay."""

from __future__ import annotations

import asyncio
import time

from proxy.demo.link import Link

DELAY = 0.02
BODY = bytes(range(256)) * 2_000


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


async def test_bytes_arrive_in_order_after_the_delay_of_both_directions() -> None:
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        with Link(server.sockets[0].getsockname()[1], DELAY) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            began = time.monotonic()
            writer.write(b"first")
            assert await reader.readexactly(5) == b"first"
            assert time.monotonic() - began >= 2 * DELAY, "a lower bound, which load cannot break"
            writer.write(BODY)
            writer.write_eof()
            assert await reader.read(-1) == BODY
            writer.close()


async def test_a_link_to_nothing_closes_its_connections() -> None:
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    with Link(port, 0.0) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        assert await reader.read(-1) == b""
        writer.close()
