"""A Postgres of one's own leaves no process and no file behind, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.demo.stack import (
    Postgres,
    PostgREST,
    StackError,
)
from tests.demo.processes import NEEDS_LINUX, alive, eventually, inhabitants
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_when_the_body_ends_or_raises(fails: bool) -> None:
    seen: list[Postgres | PostgREST] = []

    def body() -> None:
        with Postgres() as postgres:
            seen.append(postgres)
            assert (postgres.directory / f".s.PGSQL.{postgres.port}").is_socket()
            with PostgREST(postgres.dsn, secret="s" * 32, settings={"db-anon-role": ""}) as api:
                seen.append(api)
                if fails:
                    raise LookupError("the body's own")

    if fails:
        with pytest.raises(LookupError, match="the body's own"):
            body()
    else:
        body()
    assert len(seen) == 2
    for server in seen:
        assert not alive(server.pid)
        assert not server.directory.exists()
        assert inhabitants(server.directory) == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=60)


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temp directory that `nobody` can reach (pytest's own is closed to all but us)."""
    directory = Path(tempfile.mkdtemp(prefix="fanin-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


PROGRAM = """
import sys, time
from proxy.demo.stack import Postgres
try:
    with Postgres() as postgres:
        print(postgres.pid, flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(temporary: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "moment",
    ["fanin-pg-*", "*/initdb.log", "*/data/PG_VERSION", "*/postgres.log", "*/data/postmaster.pid"],
)
def test_an_interrupt_at_any_moment_of_the_start_leaves_nothing(temporary: Path, moment: str) -> None:
    with start(temporary) as program:
        eventually(lambda: list(temporary.glob(moment)), moment)
        program.send_signal(signal.SIGINT)
        assert program.wait(60) == 130
    assert list(temporary.iterdir()) == []
    eventually(lambda: inhabitants(temporary) == [], "its processes end")


@NEEDS_LINUX
def test_a_killed_parent_takes_the_server_along(temporary: Path) -> None:
    with start(temporary) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        assert inhabitants(temporary)
        program.kill()
        program.wait(60)
    eventually(lambda: inhabitants(temporary) == [], "its processes end")


def test_a_failed_start_shows_the_log_and_leaves_nothing(temporary: Path) -> None:
    postgres = Postgres(settings={"shared_buffers": "plenty"})
    with pytest.raises(StackError, match=r"(?s)postgres ended with code 1 .*shared_buffers"):
        postgres.__enter__()
    assert not postgres.directory.exists()
