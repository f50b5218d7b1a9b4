"""Query budgets for pytest: fanin runs as a process before PostgREST, and says what each test asked of it.

def test_the_export_does_not_ask_once_a_row(fanin):
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
PATIENCE = 30.0
"""Seconds that fanin is given to start, to answer, and to end."""


class FaninError(Exception):
    """fanin could not do what a test wants of it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the ini file."""
    parser.addini("fanin_upstream", "PostgREST, or the gateway before it; FANIN_UPSTREAM counts more.")
    parser.addini("fanin_command", "How fanin is called.", default="fanin")
    parser.addini("fanin_args", "Further words for `fanin serve`.", type="args", default=[])


@pytest.fixture(scope="session")
def fanin(pytestconfig: pytest.Config) -> Iterator[Fanin]:
    """A fanin before the given PostgREST, for all tests."""
    upstream = os.environ.get("FANIN_UPSTREAM") or str(pytestconfig.getini("fanin_upstream"))
    if not upstream:
        pytest.fail("pytest-fanin: where is PostgREST? Set FANIN_UPSTREAM, or fanin_upstream in the ini file.")
    command = str(pytestconfig.getini("fanin_command"))
    running = Fanin(command, upstream, pytestconfig.getini("fanin_args"))
    try:
        yield running
    finally:
        running.stop()


class Fanin:
    """``fanin serve`` as a process. ``url`` takes the place of PostgREST's address."""

    def __init__(self, command: str, upstream: str, words: list[str]) -> None:
        program = shutil.which(command)
        if program is None:
            raise FaninError(f"there is no program '{command}': install fanin, or name it by fanin_command")
        ports = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
        self._said: deque[str] = deque(maxlen=50)
        self._process = subprocess.Popen(  # noqa: S603 – the operator's own program
            [program, "serve", "--upstream", upstream, *words, *ports],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._started = threading.Event()
        self._ports = ("", "")
        threading.Thread(target=self._listen, daemon=True).start()
        if not self._started.wait(PATIENCE) or not self._ports[0]:
            self.stop()
            raise FaninError("fanin did not start: " + "".join(self._said))
        self.url, self.admin_url = (f"http://127.0.0.1:{port}" for port in self._ports)

    def stop(self) -> None:
        """End it, and wait until it has."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @contextmanager
    def trace(self, route: str, *, prefix: str = "") -> Iterator[Trace]:
        """What is sent within with ``headers`` is one trace of ``route``, which has its numbers at the end.

        ``prefix`` begins its id, for the tables ``[[growth]]`` of ``fanin check``.
        """
        trace = Trace(self, route, f"{prefix}{uuid.uuid4()}")
        try:
            yield trace
        except BaseException:
            trace.forget()
            raise
        trace.close()

    def ask(self, path: str, body: bytes | None = None) -> Any:
        """The answer of the admin port's API; with a ``body`` it is a POST."""
        request = Request(self.admin_url + path, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            raise FaninError(f"fanin answers {error.code} to {path}: {error.read(300)!r}") from error

    def _listen(self) -> None:
        """In a thread: what it prints is read, so that it never has to wait."""
        assert self._process.stderr is not None  # noqa: S101
        for line in self._process.stderr:
            self._said.append(line)
            found = START.search(line)
            if found:
                self._ports = (found[2], found[3])
                self._started.set()
        self._started.set()


class Trace:
    """What one piece of work asked. The numbers are there once it is closed: after ``with``, or after ``close``."""

    def __init__(self, fanin: Fanin, route: str, id_: str) -> None:
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
        """``client`` sends the headers with each request until the trace is closed: any that has ``headers`` like those
        of requests.Session, httpx.Client, or postgrest's.
        """
        self._clients.append((client, {name: client.headers.get(name) for name in self.headers}))
        client.headers.update(self.headers)
        return client

    def close(self) -> None:
        """Say that it is over, and read what it was. FaninError while some of it is in flight."""
        if self._parts is not None:
            return
        self.forget()
        told = self._fanin.ask(f"/api/traces/{quote(self.id, safe='')}/close", b"{}")
        if told["open"]:
            raise FaninError(f"{self!r} still has requests in flight: await them within the trace")
        self._parts = told["parts"]

    def forget(self) -> None:
        """Its clients send what they sent before."""
        while self._clients:
            client, before = self._clients.pop()
            for name, value in before.items():
                if value is None:
                    client.headers.pop(name, None)
                else:
                    client.headers[name] = value

    @property
    def queries(self) -> int:
        """Requests to PostgREST, but for those that a client says that it repeats."""
        return sum(not span.get("retry") for span in self.spans)

    @property
    def upstream_calls(self) -> int:
        """Calls that PostgREST got for them."""
        return self._sum("calls")

    @property
    def rows(self) -> int:
        """Rows in all answers."""
        return sum(max(span["rows"], 0) for span in self.spans)

    @property
    def bytes(self) -> int:
        """Bytes of all answers' bodies."""
        return sum(span["bytes"] for span in self.spans)

    @property
    def spans(self) -> list[dict[str, Any]]:
        """Each request, as /api/traces has it."""
        return [span for part in self._closed() for span in part["spans"]]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What rules found: code, impact, title, problem, evidence, fix and more of each."""
        return [view["finding"] for part in self._closed() for view in part["findings"]]

    def assert_no(self, *codes: str) -> None:
        """Fail where one of these rules found something; without ``codes``, where any did."""
        found = [finding for finding in self.findings if not codes or finding["code"] in codes]
        if found:
            pytest.fail("\n\n".join(map(_told, found)), pytrace=False)

    def _sum(self, name: str) -> int:
        return sum(part["summary"][name] for part in self._closed())

    def _closed(self) -> list[dict[str, Any]]:
        if self._parts is None:
            raise FaninError(f"{self!r} has no numbers yet: read them after the with block")
        return self._parts


def _told(finding: dict[str, Any]) -> str:
    lines = [
        f"{finding['code']}: {finding['title']}",
        finding["problem"],
        *finding["evidence"],
        "Instead:",
        *(f"    {line}" for line in finding["fix"]["supabase_py"].split("\n")),
    ]
    return "\n".join(line if line.isprintable() else ascii(line)[1:-1] for line in lines)
