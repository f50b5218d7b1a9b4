"""Sends request bodies to upstream, with the framing that the client used."""

from collections.abc import AsyncIterator

from proxy.errors.codes import FaultError
from proxy.http1.chunked import LAST_CHUNK, frame_data
from proxy.transport.connection import Body, Connection, EndOfStreamError


def framed_body(body: Body | None, data: bytes) -> bytes:
    """``data``, which is the whole of ``body``, with that body's framing."""
    if body is None or body.framing >= 0:
        return data
    return frame_data(data, True) + LAST_CHUNK


async def send_body(connection: Connection, body: Body, first: bytes, idle: float) -> bool:
    """Send ``first``, then the rest of ``body`` as it arrives. True when all of it was sent. An error fails the call.

    ``idle``: seconds after which an upstream that accepts no byte is an error.
    """
    try:
        if first:
            connection.write(frame_data(first, body.framing < 0))
        async for piece in _from_client(body):
            connection.write(frame_data(piece, body.framing < 0))
            await connection.drain(idle)
    except EndOfStreamError:
        return False  # upstream closed the connection: the reader of its answer gets that error
    except TimeoutError:
        connection.fail(FaultError("FANIN504", "it accepted no byte of the body in time"))
        return False
    except Exception as error:
        connection.fail(error)
        return False
    if body.framing < 0:
        connection.write(LAST_CHUNK)
    return True


async def whole_body(body: Body) -> bytes:
    """All data of a request body, whose length bounds it. Errors are those of the client."""
    return b"".join([piece async for piece in _from_client(body)])


async def _from_client(body: Body) -> AsyncIterator[bytes]:
    """The pieces of a request body. Its errors become exceptions that differ from those of upstream's connection."""
    try:
        async for piece in body.pieces():
            yield piece
    except TimeoutError:
        raise FaultError("FANIN108", "no byte of the body for timeouts.body_idle") from None
    except EndOfStreamError:
        raise ConnectionAbortedError from None
