"""Listening sockets, and a listener that can be closed without losing connections that clients have already opened."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Callable

from proxy.settings.sources import AddressInUseError, ConfigError
from proxy.transport.address import UNIX_PORT, split_listen
from proxy.transport.stop_accepting import stop_accepting

BACKLOG = 2048
HANDSHAKE = 0.02
"""Seconds to wait for TCP handshakes in progress: longer than the round trip to any client of a sidecar."""
PASSING = frozenset((errno.EADDRINUSE, errno.EADDRNOTAVAIL, socket.EAI_AGAIN))
"""Errors of an address that may be free, or known, a moment later."""


async def bind(address: str, backlog: int = BACKLOG) -> list[socket.socket]:
    """Listening sockets for ``HOST:PORT`` (one per address of the host) or ``unix:/path``. OSError if one fails."""
    host, port = split_listen(address)
    if port == UNIX_PORT:
        return [_bind_unix(host, backlog)]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, where in dict.fromkeys(found):
            bound.append(listening := socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(where)
            listening.listen(backlog)
            listening.setblocking(False)
    except OSError:
        for listening in bound:
            listening.close()
        raise
    return bound


def _bind_unix(path: str, backlog: int) -> socket.socket:
    """Bind ``path``. A socket file on which nobody listens any more is replaced; any other file is an error."""
    listening = socket.socket(socket.AF_UNIX)
    try:
        _remove_stale(path)
        listening.bind(path)
        listening.listen(backlog)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def _remove_stale(path: str) -> None:
    """Remove a socket file on which nobody listens any more. OSError if the path is that of another file."""
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        what = "a directory" if stat.S_ISDIR(kind) else "a file that is no socket"
        raise OSError(errno.EEXIST, f"the path is {what}; remove it, or choose another path")
    with socket.socket(socket.AF_UNIX) as client:
        if client.connect_ex(path) == errno.ECONNREFUSED:
            os.unlink(path)


def unlink(listening: socket.socket) -> None:
    """Remove the file of a unix socket, so that no client finds it any more; nothing for other sockets."""
    if listening.family == socket.AF_UNIX:
        try:
            os.unlink(listening.getsockname())
        except OSError:  # somebody removed it, or its directory
            pass


def bind_error(name: str, address: str, error: OSError) -> ConfigError:
    """The error for the setting ``name``, whose ``address`` cannot be bound."""
    kind = AddressInUseError if error.errno in PASSING else ConfigError
    return kind(f"{name}: cannot bind {address}: {error.strerror}")


class Listener:
    """Accepts connections, with a protocol from ``create_protocol`` for each."""

    def __init__(self, create_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._create_protocol = create_protocol
        self._servers: list[asyncio.Server] = []

    async def open(self, address: str) -> int:
        """Bind, and return the port (for port 0: a free one; 0 for a unix socket). OSError if it cannot be bound."""
        loop = asyncio.get_running_loop()
        sockets = await bind(address)
        name = sockets[0].getsockname()
        for listening in sockets:
            create = loop.create_unix_server if listening.family == socket.AF_UNIX else loop.create_server
            self._servers.append(await create(self._create_protocol, sock=listening, backlog=BACKLOG))
        return int(name[1]) if isinstance(name, tuple) else 0

    async def close(self) -> None:
        """Stop accepting, after the connections in the backlog: to close at once would reset these, with the requests
        that clients have sent on them.
        """
        servers, self._servers = self._servers, []
        sockets = [listening for server in servers for listening in server.sockets]
        duplicates = [socket.socket(fileno=os.dup(listening.fileno())) for listening in sockets]
        for listening in duplicates:
            unlink(listening)
        stopped = [stop_accepting(listening) for listening in duplicates if listening.family != socket.AF_UNIX]
        if any(stopped):
            await asyncio.sleep(HANDSHAKE)
        for server in servers:
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
