"""The application in applications/nextjs in a real `next dev`, with the files of deploy/clients copied in."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from proxy.demo.process import Child, remove_tree
from proxy.demo.server import free_port
from tests.e2e.support.script_runner import APPLICATIONS, node_program
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(sys.prefix, "next")
"""Where `make test` has npm put Next.js. The application is made in it: Turbopack reads nothing above."""

IS_INSTALLED = (HOME / "node_modules/next/package.json").exists()
APPLICATION = APPLICATIONS / "nextjs"
START = 120  # seconds; an idle machine takes one


class Site(NamedTuple):
    """A running Next.js."""

    url: str
    folder: Path

    def log(self) -> str:
        return (self.folder / "next.log").read_text(encoding="utf-8", errors="replace")

    def misfits(self) -> str:
        """What TypeScript says of the application and of what was copied."""
        command = [node_program(), str(HOME / "node_modules/typescript/bin/tsc"), "--noEmit", "-p", "."]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False).stdout


@contextmanager
def next_dev(project: str, fanin: int, token: str, *flags: str) -> Iterator[Site]:
    """`next dev` before fanin's port, told as applications of Supabase are. All it starts ends, its folder goes."""
    folder = Path(tempfile.mkdtemp(prefix="application-", dir=HOME))
    try:
        shutil.copytree(APPLICATION, folder, dirs_exist_ok=True)
        for copied in (ROOT / "deploy" / "clients").glob("*.m?s"):
            shutil.copy(copied, folder / "lib")
        port = free_port()
        argv = [
            node_program(),
            str(HOME / "node_modules/next/dist/bin/next"),
            "dev",
            "-H",
            "127.0.0.1",
            "-p",
            str(port),
            *flags,
        ]
        env = {"NEXT_PUBLIC_SUPABASE_URL": project, "SUPABASE_SERVICE_ROLE_KEY": token}
        env["SUPABASE_DATA_URL"] = f"http://127.0.0.1:{fanin}"
        site = Site(f"http://127.0.0.1:{port}", folder)
        with Child(argv, log=folder / "next.log", env={**_clean(), **env}) as child:
            try:
                child.wait_until(lambda: _listens(port), timeout=START)
                yield site
            finally:
                child.end()
                with suppress(ProcessLookupError):  # what it started has its group
                    os.killpg(child.pid, signal.SIGKILL)
    finally:
        remove_tree(folder)


def _clean() -> dict[str, str]:
    """The environment without what would have Node or Next.js behave otherwise, or tell somebody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEXT_", "NODE_"))}
    return kept | {"NEXT_TELEMETRY_DISABLED": "1"}


def _listens(port: int) -> bool:
    """Whether somebody is there. What it answers is compiled first: the first page is the test's to ask."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
