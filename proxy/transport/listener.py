"""A listening port that can be closed without losing connections that clients have already opened."""

import asyncio
import os
import socket
from collections.abc import Callable

from proxy.transport.stop_accepting import stop_accepting

BACKLOG = 2048
HANDSHAKE = 0.02
"""Seconds to wait for TCP handshakes in progress: longer than the round trip to any client of a sidecar."""


class Listener:
    """Accepts connections, with a protocol from ``create_protocol`` for each."""

    def __init__(self, create_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._create_protocol = create_protocol
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Bind, and return the port (for port 0: a free one). OSError if the address is in use."""
        self._server = await asyncio.get_running_loop().create_server(
            self._create_protocol, host, port, backlog=BACKLOG
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop accepting, after the connections in the backlog: to close at once would reset these, with the requests
        that clients have sent on them.
        """
        server, self._server = self._server, None
        if server is None:
            return
        duplicates = [socket.socket(fileno=os.dup(listening.fileno())) for listening in server.sockets]
        stopped = [stop_accepting(listening) for listening in duplicates]
        if any(stopped):
            await asyncio.sleep(HANDSHAKE)
        server.close()  # it closes its own descriptors; the backlog is accepted from the duplicates
        backlog = [connection for listening in duplicates for connection in _accept_all(listening)]
        for connection in backlog:
            await asyncio.get_running_loop().connect_accepted_socket(self._create_protocol, connection)


def _accept_all(listening: socket.socket) -> list[socket.socket]:
    """Accept all connections in the backlog, then close the port."""
    accepted = []
    with listening:
        listening.setblocking(False)
        try:
            while True:
                accepted.append(listening.accept()[0])
        except OSError:  # the backlog is empty, or no file descriptor is left
            pass
    for connection in accepted:
        connection.setblocking(False)
    return accepted
