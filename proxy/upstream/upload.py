"""Request bodies on their way up, in the framing that they came in."""

from collections.abc import AsyncIterator

from proxy.errors.codes import FaultError
from proxy.http1.chunked import LAST_CHUNK, frame_data
from proxy.transport.connection import Body, Connection, EndOfStreamError


def whole(body: Body | None, data: bytes) -> bytes:
    """``data`` of a body that is here to its end, in that body's own framing."""
    if body is None or body.framing >= 0:
        return data
    return frame_data(data, True) + LAST_CHUNK


async def pump(wire: Connection, body: Body, first: bytes, idle: float) -> bool:
    """Send a request body as it comes; True when all of it went. What goes wrong fails the call, with its cause."""
    try:
        if first:
            wire.write(frame_data(first, body.framing < 0))
        async for piece in _from_client(body):
            wire.write(frame_data(piece, body.framing < 0))
            await wire.drain(idle)
    except EndOfStreamError:
        return False  # upstream is gone: whoever reads its answer sees that too
    except TimeoutError:
        wire.fail(FaultError("FANIN504", "it took no byte of the body for timeouts.upstream_idle"))
        return False
    except Exception as error:
        wire.fail(error)
        return False
    if body.framing < 0:
        wire.write(LAST_CHUNK)
    return True


async def _from_client(body: Body) -> AsyncIterator[bytes]:
    """The pieces of a request body, with what goes wrong told apart from what goes wrong upstream."""
    try:
        async for piece in body.pieces():
            yield piece
    except TimeoutError:
        raise FaultError("FANIN108", "no byte of the body for timeouts.body_idle") from None
    except EndOfStreamError:
        raise ConnectionAbortedError from None
