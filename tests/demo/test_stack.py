"""The embedded stack: real answers, exact statement counts, and nothing left behind."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.demo.stack import (
    Postgres,
    PostgREST,
    StackError,
    find_postgrest,
    free_port,
    reset,
    service_token,
    statements,
)
from tests.conftest import CREATORS, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.stack
ROOT = Path(__file__).parent.parent
NEEDS_LINUX = pytest.mark.skipif(platform.system() != "Linux", reason="needs Linux")


def get(stack: Stack, path: str) -> Any:
    request = urllib.request.Request(stack.url + path, headers={"Authorization": f"Bearer {stack.token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)


def pids_in(directory: Path) -> list[int]:
    """Return the pids of the processes that work in `directory` (Linux only, else none)."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(link).startswith(str(directory)):
                found.append(int(link.parent.name))
        except OSError:  # not ours to see, or gone
            continue
    return found


def test_postgrest_answers_the_service_role(stack: Stack) -> None:
    assert len(get(stack, "/creators?select=id&order=created_at")) == CREATORS
    due = get(stack, "/monthly_tracking?select=creator_id&month=eq.2025-06&payment_status=eq.due")
    assert len(due) == 20
    assert len(get(stack, "/videos?select=id&limit=5")) == 5


def test_anonymous_callers_see_no_creator(stack: Stack) -> None:
    with urllib.request.urlopen(stack.url + "/creators?select=id", timeout=10) as answer:
        assert json.load(answer) == []


async def test_each_request_counts_one_statement(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await reset(connection)
        assert await statements(connection) == 0
        for n in range(1, 8):
            get(stack, f"/creators?select=id,monthly_tracking(id)&limit={n}")
            assert await statements(connection) == n
    finally:
        await connection.close()


async def test_the_schema_has_only_the_indexes_of_its_constraints(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        names = await connection.fetch("select indexname from pg_indexes where schemaname='public'")
    finally:
        await connection.close()
    others = {str(row["indexname"]) for row in names if not row["indexname"].endswith("_pkey")}
    assert others == {"monthly_tracking_month_creator_id_key"}


@pytest.mark.parametrize("fails", [False, True])
def test_no_process_or_file_remains_when_the_body_ends_or_raises(fails: bool) -> None:
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
        assert pids_in(server.directory) == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=1)


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
def test_after_an_interrupt_at_any_moment_of_the_start_nothing_remains(temporary: Path, moment: str) -> None:
    with start(temporary) as program:
        eventually(lambda: list(temporary.glob(moment)), moment)
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
    assert list(temporary.iterdir()) == []
    eventually(lambda: pids_in(temporary) == [], "its processes end")


@NEEDS_LINUX
def test_the_server_ends_when_its_parent_is_killed(temporary: Path) -> None:
    with start(temporary) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        assert pids_in(temporary)
        program.kill()
        program.wait(20)
    eventually(lambda: pids_in(temporary) == [], "its processes end")


def test_after_a_failed_start_the_error_has_the_log_and_nothing_remains(temporary: Path) -> None:
    postgres = Postgres(settings={"shared_buffers": "plenty"})
    with pytest.raises(StackError, match=r"(?s)postgres ended with code 1 .*shared_buffers"):
        postgres.__enter__()
    assert not postgres.directory.exists()


def test_a_postgrest_that_cannot_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_POSTGREST", "/nowhere/postgrest")
    api = PostgREST("postgresql://127.0.0.1:1/none", secret="s" * 32)
    with pytest.raises(StackError, match="cannot start /nowhere/postgrest: No such file"):
        api.__enter__()
    assert not api.directory.exists()


def test_the_error_for_a_missing_postgrest_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FANIN_POSTGREST", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(StackError, match=r"PostgREST not found: .*FANIN_POSTGREST"):
        find_postgrest()


def test_free_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))


def test_claims_are_added_to_the_token() -> None:
    # The signature is openssl's: dgst -sha256 -hmac secret
    assert service_token("secret", {"sub": "1"}) == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJyb2xlIjoic2VydmljZV9yb2xlIiwic3ViIjoiMSJ9."
        "12ftB586e-4sTGW8ZK5mR6OiGWC_Xuhzgc8FDPyuu4s"
    )
