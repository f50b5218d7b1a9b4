"""A listening port that can be closed without losing anybody who has connected already."""

import asyncio
import os
import socket
from collections.abc import Callable

from proxy.transport.stop_accepting import stop_accepting

BACKLOG = 2048
HANDSHAKE = 0.02
"""Seconds for connections that had begun: longer than a round trip to whoever is near enough to use a sidecar."""


class Listener:
    """Hands every connection to a protocol that ``make`` makes."""

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Bind, and return the port (for port 0: the one that was free). OSError when it is taken."""
        self._server = await asyncio.get_running_loop().create_server(self._make, host, port, backlog=BACKLOG)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Accept no more, but for those whom the system has accepted already: closing would reset their connections,
        with the requests that are on them.
        """
        server, self._server = self._server, None
        if server is None:
            return
        again = [socket.socket(fileno=os.dup(one.fileno())) for one in server.sockets]
        deaf = [stop_accepting(one) for one in again]
        if any(deaf):
            await asyncio.sleep(HANDSHAKE)
        server.close()
        waiting = [connection for one in again for connection in _accept_all(one)]
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(self._make, connection)


def _accept_all(listening: socket.socket) -> list[socket.socket]:
    """Those who wait to be accepted, until there is nobody; then the port is closed at once."""
    found = []
    with listening:
        listening.setblocking(False)
        try:
            while True:
                found.append(listening.accept()[0])
        except OSError:  # nobody waits, or there is no room for another file
            pass
    for connection in found:
        connection.setblocking(False)
    return found
