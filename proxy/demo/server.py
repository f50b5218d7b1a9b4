"""Base class of the demo's servers: a temporary directory, resources that are released once, and a free port."""

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
START_TIMEOUT = 60.0  # seconds
# Below the ephemeral ports of Linux and macOS: an outgoing connection cannot use the port between
# the check and the server's bind.
_PORTS = range(20_000, 32_000)


class StackServer:
    """A server in a temporary directory, for one `with` statement; resources are released once, in reverse order."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._resources = ExitStack()
        # Also runs at interpreter exit, for an interrupt between two `with` statements.
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
        """End the server and remove its directory. Does nothing a second time."""
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
