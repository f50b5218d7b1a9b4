"""Starts a real `fanin serve` as a child process, in front of a given PostgREST.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
from typing import TYPE_CHECKING, Self

from proxy.demo.server import NOTHING, START_TIMEOUT, StackServer, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.demo.process import Child


NO_CHECKS = {"shadow.share": "0", "merge.probation": "0"}
"""Settings for runs that count calls: comparisons are drawn at random, and each costs upstream calls."""


class Fanin(StackServer):
    """`with Fanin(upstream) as fanin:` — `url` and `admin_url` have no trailing slash.

    `settings` have dotted names, as for `--set`; `flags` are further arguments of the command line; `config` is the
    text of a TOML file.
    """

    def __init__(
        self,
        upstream: str,
        *,
        settings: Mapping[str, str] = NOTHING,
        flags: Sequence[str] = (),
        config: str = "",
    ) -> None:
        super().__init__("fanin-sidecar-")
        self._config = config
        self._upstream = upstream
        self._settings = settings
        self._flags = flags
        self.pid = 0
        self._child: Child | None = None
        self.port = 0
        self.admin_port = 0

    def __enter__(self) -> Self:
        return super().__enter__()

    @property
    def url(self) -> str:
        """The URL for applications."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        """The URL of the admin port."""
        return f"http://127.0.0.1:{self.admin_port}"

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return None if self._child is None else self._child.poll()

    def printed(self) -> str:
        """The whole output so far."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.directory.glob("*.log")))

    def _start(self) -> None:
        self.port, self.admin_port = free_port(), free_port()
        arguments = ["--upstream", self._upstream]
        arguments += ["--listen", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin_port}"]
        for name, value in self._settings.items():
            arguments += ["--set", f"{name}={value}"]
        if self._config:
            file = self.directory / "fanin.toml"
            file.write_text(self._config, encoding="utf-8")
            arguments += ["--config", str(file)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FANIN_")}
        child = self._spawn(
            [sys.executable, "-m", "proxy", "serve", *arguments, *self._flags], env=environment, stop=signal.SIGTERM
        )
        child.wait_until(self._is_ready, timeout=START_TIMEOUT)
        self.pid, self._child = child.pid, child

    def _is_ready(self) -> bool:
        admin = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            admin.request("GET", "/readyz")
            return admin.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            admin.close()
