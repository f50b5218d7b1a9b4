"""What the servers of the stack share: one directory, resources released once, a port."""

from __future__ import annotations

import secrets
import socket
import tempfile
import weakref
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from proxy.demo.process import Child, remove_tree, uninterrupted

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence

    from proxy.demo.process import User

NOTHING: Mapping[str, str] = MappingProxyType({})
START_TIMEOUT = 30.0  # seconds
# Below the ports that Linux and macOS give to outgoing connections: none of those can take one
# between our look and the server's bind.
_PORTS = range(20_000, 32_000)


class StackServer:
    """A server in a temporary directory, for one `with`; resources go in reverse order, once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._resources = ExitStack()
        # Also run at interpreter exit, for an interrupt that falls between two `with` statements.
        self._finalizer = weakref.finalize(self, self._resources.close)
        self.directory = Path()

    def __enter__(self) -> Self:
        try:
            with uninterrupted():
                self.directory = Path(tempfile.mkdtemp(prefix=self._prefix))
                self._resources.callback(remove_tree, self.directory)
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and remove its directory. Harmless when done already."""
        with uninterrupted():
            self._finalizer()

    def _start(self) -> None:
        raise NotImplementedError

    def _spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stop: signal.Signals,
        user: User | None = None,
    ) -> Child:
        log = self.directory / f"{Path(argv[0]).name}.log"
        with uninterrupted():
            return self._resources.enter_context(Child(argv, log=log, env=env, stop=stop, user=user))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on now."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
