"""A tunnel after a 101: copies bytes in both directions until one side closes, without interpreting them."""

import asyncio

from proxy.transport.connection import Connection, EndOfStreamError


async def tunnel(client: Connection, upstream: Connection, stall: float) -> None:
    """Copy bytes until one side closes; then the other is closed too, after the bytes for it are sent.

    There is no idle timeout: a WebSocket may be silent. A side that accepts no byte for ``stall`` seconds is aborted.
    """
    directions = (
        asyncio.ensure_future(_copy(client, upstream, stall)),
        asyncio.ensure_future(_copy(upstream, client, stall)),
    )
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
    await asyncio.gather(upstream.wait_closed(stall), client.wait_closed(stall))


_NO_TIMEOUT = 10.0**9
"""Seconds."""


async def _copy(source: Connection, sink: Connection, stall: float) -> None:
    try:
        while True:
            if source.buffer:
                sink.write(bytes(source.buffer))
                del source.buffer[:]
                await sink.drain(stall)
            else:
                await source.wait_for_data(_NO_TIMEOUT)
    except (EndOfStreamError, TimeoutError):
        return
