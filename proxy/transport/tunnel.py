"""An opaque tunnel after a 101: bytes both ways until either side ends. What they mean is not our business."""

import asyncio

from proxy.transport.connection import Connection, EndOfStreamError


async def tunnel(client: Connection, upstream: Connection, stall: float) -> None:
    """Carry bytes until one side closes; then the other, which first gets what was still on the way, is closed too.

    No idle limit: sockets may be silent. A side that takes no byte for ``stall`` seconds is cut off.
    """
    ways = (
        asyncio.ensure_future(_carry(client, upstream, stall)),
        asyncio.ensure_future(_carry(upstream, client, stall)),
    )
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    await asyncio.gather(upstream.wait_closed(stall), client.wait_closed(stall))


_FOREVER = 10.0**9


async def _carry(source: Connection, sink: Connection, stall: float) -> None:
    try:
        while True:
            if source.buffer:
                sink.write(bytes(source.buffer))
                del source.buffer[:]
                await sink.drain(stall)
            else:
                await source.wait_for_data(_FOREVER)
    except (EndOfStreamError, TimeoutError):
        return
