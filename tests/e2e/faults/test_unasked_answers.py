"""An answer that upstream sends before it has received the request belongs to no request of fanin's."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys
from fcntl import ioctl
from typing import TYPE_CHECKING

import pytest

from proxy.observe.events import Event, Warned
from proxy.transport.stop_accepting import SO_ATTACH_FILTER
from proxy.upstream.connection import SIOCOUTQ
from tests.e2e.support.harness import OK, ScriptedConnection, ScriptedUpstream, answers, ask, fanin, until

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="socket filters are Linux'")

GET = b"GET /t HTTP/1.1\r\nHost: h\r\nAuthorization: one\r\n\r\n"
FOREIGN = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforeign"
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""Classic BPF: return 0."""


def receive_nothing(connection: socket.socket) -> None:
    """Have the system drop whatever comes on ``connection``, as a network may; it can still send."""
    step = ctypes.create_string_buffer(DROP_ALL, len(DROP_ALL))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(step)))


def unacknowledged(connection: socket.socket) -> int:
    """Bytes that the other system has not acknowledged: while there are some, TCP may send no more."""
    return int.from_bytes(ioctl(connection.fileno(), SIOCOUTQ, b"\0" * 4), sys.byteorder)


class Late:
    """A script: one answer, then another as soon as fanin has written its next request, which does not arrive."""

    def __init__(self, unasked: bytes) -> None:
        self.sidecar: Sidecar | None = None
        self.ready = asyncio.Event()
        """Set when the next request will not arrive."""
        self._unasked = unasked

    async def __call__(self, connection: ScriptedConnection) -> None:
        sidecar, own = self.sidecar, connection._writer.get_extra_info("socket")
        assert sidecar is not None
        await connection.request()
        await connection.send(OK)
        await until(lambda: not sidecar.upstream.calls.busy and not unacknowledged(own))
        receive_nothing(own)
        self.ready.set()
        await until(lambda: sidecar.upstream.calls.busy)
        await connection.send(self._unasked)
        await connection.gone()


async def test_a_read_is_sent_again_on_a_fresh_connection_and_gets_its_own_answer() -> None:
    script, said = Late(FOREIGN), list[Event]()
    own = OK.replace(b"ok", b"my")
    async with ScriptedUpstream(script, answers(own)) as upstream, fanin(upstream.url) as sidecar:
        script.sidecar = sidecar
        sidecar._events.subscribe(said.append)
        assert (await ask(sidecar.port, GET)).body == b"ok"
        await script.ready.wait()
        assert (await ask(sidecar.port, GET)).body == b"my"
        assert [len(connection.requests) for connection in upstream.connections] == [1, 1]
        assert not sidecar.upstream.may_reuse, "the next one could come after its request"
    assert [event for event in said if isinstance(event, Warned)]


async def test_a_write_is_answered_502_and_never_repeated() -> None:
    script = Late(FOREIGN)
    async with ScriptedUpstream(script, answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        script.sidecar = sidecar
        await ask(sidecar.port, GET)
        await script.ready.wait()
        answer = await ask(sidecar.port, GET.replace(b"GET", b"DELETE"))
        assert (answer.status, b"FANIN502" in answer.body) == (502, True)
        assert len(upstream.connections) == 1


async def test_a_server_that_closes_an_idle_connection_while_the_next_read_is_on_its_way_harms_nobody() -> None:
    script = Late(TIMED_OUT)
    async with ScriptedUpstream(script, answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        script.sidecar = sidecar
        await ask(sidecar.port, GET)
        await script.ready.wait()
        assert (await ask(sidecar.port, GET)).body == b"ok"
        assert sidecar.upstream.may_reuse, "it is what servers do"
