"""Query budgets for pytest: fanin runs as a process in front of PostgREST and counts the queries of each test.

def test_the_export_makes_three_queries(fanin):
    with fanin.trace("export") as t:
        export(fanin.url, headers=t.headers)
    assert t.queries <= 3
    t.assert_no("FAN001")
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import uuid
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

START = re.compile(r"fanin \S+: http://(\S+):(\d+) → .*, admin port (\d+)")
TIMEOUT = 30.0
"""Seconds that fanin may take to start, to answer, and to stop."""


class FaninError(Exception):
    """fanin could not start, or could not answer a test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the ini file."""
    parser.addini("fanin_upstream", "Address of PostgREST or of its gateway; FANIN_UPSTREAM overrides it.")
    parser.addini("fanin_command", "The command that runs fanin.", default="fanin")
    parser.addini("fanin_args", "More arguments of `fanin serve`.", type="args", default=[])


@pytest.fixture(scope="session")
def fanin(pytestconfig: pytest.Config) -> Iterator[FaninProcess]:
    """One running fanin in front of PostgREST, for all tests."""
    upstream = os.environ.get("FANIN_UPSTREAM") or str(pytestconfig.getini("fanin_upstream"))
    if not upstream:
        pytest.fail("pytest-fanin: set the address of PostgREST: FANIN_UPSTREAM, or fanin_upstream in the ini file.")
    command = str(pytestconfig.getini("fanin_command"))
    running = FaninProcess(command, upstream, pytestconfig.getini("fanin_args"))
    try:
        yield running
    finally:
        running.stop()


class FaninProcess:
    """``fanin serve`` as a process. Tests use ``url`` instead of the address of PostgREST."""

    def __init__(self, command: str, upstream: str, arguments: list[str]) -> None:
        program = shutil.which(command)
        if program is None:
            raise FaninError(f"there is no program '{command}'; install fanin, or set fanin_command")
        ports = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
        self._log: deque[str] = deque(maxlen=50)
        self._process = subprocess.Popen(  # noqa: S603 – the command that the ini file names
            [program, "serve", "--upstream", upstream, *arguments, *ports],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._started = threading.Event()
        self._ports = ("", "")
        threading.Thread(target=self._read_log, daemon=True).start()
        if not self._started.wait(TIMEOUT) or not self._ports[0]:
            self.stop()
            raise FaninError("fanin did not start: " + "".join(self._log))
        self.url, self.admin_url = (f"http://127.0.0.1:{port}" for port in self._ports)

    def stop(self) -> None:
        """Stop the process and wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @contextmanager
    def trace(self, route: str, *, prefix: str = "") -> Iterator[TracedBlock]:
        """All requests in the block that carry ``headers`` are one trace; its numbers are available after the block.

        ``prefix`` is the beginning of its id, for the tables ``[[growth]]`` of ``fanin check``.
        """
        trace = TracedBlock(self, route, f"{prefix}{uuid.uuid4()}")
        try:
            yield trace
        except BaseException:
            trace.restore_clients()
            raise
        trace.close()

    def request(self, path: str, body: bytes | None = None) -> Any:
        """Call the API of the admin port and return the decoded JSON; with a ``body`` it is a POST."""
        call = Request(self.admin_url + path, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
        try:
            with build_opener(ProxyHandler({})).open(call, timeout=TIMEOUT) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            raise FaninError(f"fanin answers {error.code} to {path}: {error.read(300)!r}") from error

    def _read_log(self) -> None:
        """Runs in a thread: reads all output, so that fanin never blocks on a full pipe."""
        assert self._process.stderr is not None  # noqa: S101
        for line in self._process.stderr:
            self._log.append(line)
            found = START.search(line)
            if found:
                self._ports = (found[2], found[3])
                self._started.set()
        self._started.set()


class TracedBlock:
    """The requests of one block of a test. Its numbers are available after ``with``, or after ``close``."""

    def __init__(self, fanin: FaninProcess, route: str, id_: str) -> None:
        self.id = id_
        self.route = route
        self.headers = {"X-Fanin-Trace": id_, "X-Fanin-Route": route}
        self._fanin = fanin
        self._clients: list[tuple[Any, dict[str, Any]]] = []
        self._parts: list[dict[str, Any]] | None = None

    def __repr__(self) -> str:
        if self._parts is None:
            return f"<fanin trace {self.route!r}, open>"
        found = ", ".join(sorted({finding["code"] for finding in self.findings})) or "no findings"
        return f"<fanin trace {self.route!r}: {self.queries} queries, {self.upstream_calls} upstream calls, {found}>"

    def use(self, client: Any) -> Any:
        """Make ``client`` send the headers with each request until the trace is closed; return it.

        It can be any client with a mapping ``headers``, as requests.Session, httpx.Client and postgrest have.
        """
        self._clients.append((client, {name: client.headers.get(name) for name in self.headers}))
        client.headers.update(self.headers)
        return client

    def close(self) -> None:
        """Close the trace and read its numbers. Raises FaninError while one of its requests is in flight."""
        if self._parts is not None:
            return
        self.restore_clients()
        closed = self._fanin.request(f"/api/traces/{quote(self.id, safe='')}/close", b"{}")
        if closed["open"]:
            raise FaninError(f"{self!r} still has requests in flight; await them inside the trace")
        self._parts = closed["parts"]

    def restore_clients(self) -> None:
        """Give the clients of ``use`` their own headers back."""
        while self._clients:
            client, before = self._clients.pop()
            for name, value in before.items():
                if value is None:
                    client.headers.pop(name, None)
                else:
                    client.headers[name] = value

    @property
    def queries(self) -> int:
        """Number of requests to PostgREST, without preflights and a client's retries."""
        return self._sum("queries")

    @property
    def upstream_calls(self) -> int:
        """Number of calls that fanin made to PostgREST for them."""
        return self._sum("calls")

    @property
    def rows(self) -> int:
        """Number of rows in all answers."""
        return sum(max(span["rows"], 0) for span in self.spans)

    @property
    def bytes(self) -> int:
        """Number of bytes of all bodies."""
        return sum(span["bytes"] for span in self.spans)

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The requests, in the format of /api/traces."""
        return [span for part in self._closed() for span in part["spans"]]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The findings, each with code, impact, title, problem, evidence, fix and more."""
        return [view["finding"] for part in self._closed() for view in part["findings"]]

    def assert_no(self, *codes: str) -> None:
        """Fail if one of these rules found something; without ``codes``, if any rule did."""
        found = [finding for finding in self.findings if not codes or finding["code"] in codes]
        if found:
            pytest.fail("\n\n".join(map(_as_text, found)), pytrace=False)

    def _sum(self, name: str) -> int:
        return sum(part["summary"][name] for part in self._closed())

    def _closed(self) -> list[dict[str, Any]]:
        if self._parts is None:
            raise FaninError(f"{self!r} has no numbers yet; read them after the with block")
        return self._parts


def _as_text(finding: dict[str, Any]) -> str:
    lines = [
        f"{finding['code']}: {finding['title']}",
        finding["problem"],
        *finding["evidence"],
        "Instead:",
        *(f"    {line}" for line in finding["fix"]["supabase_py"].split("\n")),
    ]
    return "\n".join(line if line.isprintable() else ascii(line)[1:-1] for line in lines)
