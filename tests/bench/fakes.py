"""The whole sidecar between faked clients and a faked upstream: no socket, no kernel, no other process takes part.

What is measured is fanin's own code with the cost of the fakes, which is the same for two trees that are compared.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.observe.events import Events
from proxy.settings.loading import load
from proxy.sidecar.sidecar import Sidecar
from proxy.upstream.client import Upstream
from proxy.upstream.connection import UpstreamConnection
from rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.server.client_connection import ClientConnection

KEYS = 2000
CONNECTIONS = 48
HEAD = (
    "GET /creator_payout_profiles?select=*&creator_id=eq.{} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
    "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJlIG9m\r\n"
    "Accept: application/json\r\nUser-Agent: node\r\nAccept-Encoding: gzip, deflate\r\n{}\r\n"
)
PATHS: dict[str, tuple[int, str]] = {
    "merged": (CONNECTIONS, ""),
    "lone": (1, ""),
    "passed": (CONNECTIONS, "X-Fanin: off\r\n"),
}
"""By name: how many clients there are, each with one request at a time, and a line of their heads."""
GROWING = ("width-10", "width-500", "fingerprints-10", "fingerprints-10000", "traces-1", "traces-5000")
"""Further paths: so many clients of the merged path; one client with so many fingerprints; one with so many traces."""
ROW = '"creator_id":{0},"method":"iban","iban":"DE00 0000 0000 {0}","paypal_email":null}}'
TARGET = re.compile(rb"GET (\S+) HTTP")
ALIAS = re.compile(rb"select=(\w+):")
LIST = re.compile(rb"=(?:eq\.|in\.\()([\d,]+)")


class FakeTransport(asyncio.Transport):
    """Hands what is written to ``receive``."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        super().__init__()
        self._receive = receive

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._receive(bytes(data))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def is_reading(self) -> bool:
        return True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


def answer_to(request: bytes) -> bytes:
    """What PostgREST answers, one row per key."""
    found = TARGET.match(request)
    assert found is not None, request
    target = found[1]
    alias, listed = ALIAS.search(target), LIST.search(target)
    assert listed is not None, target
    keys = listed[1].decode().split(",")
    first = f'"{alias[1].decode()}":"{{0}}",' if alias else ""
    row = "{{" + first + ROW
    body = ("[" + ", \n ".join([row.format(key) for key in keys]) + "]").encode()
    total = len(keys) if b"count=exact" in request else "*"
    head = (
        f"HTTP/1.1 200 OK\r\nDate: Mon, 30 Nov 2026 00:00:00 GMT\r\nServer: postgrest/12.0.2\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Range: 0-{len(keys) - 1}/{total}\r\n"
        f"Content-Location: {target.decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class FakeUpstream:
    """Answers each request in the next turn of the loop, or ``seconds`` of the loop's clock later."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls = 0
        self._seconds = seconds

    async def connect(self, upstream: Upstream) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        connection = UpstreamConnection(upstream.open_endpoints, lambda: None)

        def receive(request: bytes) -> None:
            self.calls += 1
            if self._seconds:
                loop.call_later(self._seconds, connection.data_received, answer_to(request))
            else:
                loop.call_soon(connection.data_received, answer_to(request))

        connection.connection_made(FakeTransport(receive))
        return connection


class FakeClients:
    """Clients with one request at a time each, ``total`` requests together; ``before`` is called ahead of each."""

    def __init__(self, total: int, requests: list[bytes], before: Callable[[], None] | None = None) -> None:
        self._before = before
        self._requests = requests
        self._left = total
        self._waiting = total
        self.done = asyncio.get_running_loop().create_future()

    def connect(self, connection: ClientConnection) -> None:
        loop = asyncio.get_running_loop()

        def send() -> None:
            if self._left:
                self._left -= 1
                if self._before is not None:
                    self._before()
                connection.data_received(self._requests[self._left % len(self._requests)])

        def receive(answer: bytes) -> None:
            self._waiting -= 1
            if not answer.startswith(b"HTTP/1.1 200") and not self.done.done():
                self.done.set_exception(AssertionError(answer))
            elif self._waiting:
                loop.call_soon(send)
            elif not self.done.done():
                self.done.set_result(None)

        connection.connection_made(FakeTransport(receive))
        loop.call_soon(send)


def _load(path: str) -> tuple[int, list[bytes]]:
    """How many clients a path has, and what they send in turn."""
    if path in PATHS:
        clients, line = PATHS[path]
        return clients, [HEAD.format(key, line).encode() for key in range(KEYS)]
    kind, _, text = path.partition("-")
    count = int(text)
    if kind == "width":
        return count, [HEAD.format(key, "").encode() for key in range(KEYS)]
    heads = [HEAD.format(key % KEYS, "") for key in range(10_000)]
    if kind == "fingerprints":
        return 1, [head.replace("*", f"column{key % count}", 1).encode() for key, head in enumerate(heads)]
    named = [f"X-Fanin-Trace: trace {key % count}" for key in range(len(heads))]
    return 1, [
        head.replace("Accept:", f"{line}\r\nAccept:", 1).encode() for head, line in zip(heads, named, strict=True)
    ]


class Bench(NamedTuple):
    """A sidecar that serves, and its upstream."""

    sidecar: Sidecar
    upstream: FakeUpstream

    async def serve(self, path: str, requests: int, before: Callable[[], None] | None = None) -> None:
        """Let the clients of ``path`` have ``requests`` answers; raises AssertionError for one that is not 200."""
        clients, heads = _load(path)
        fakes = FakeClients(requests, heads, before)
        for _ in range(clients):
            fakes.connect(self.sidecar.server._listener._create_protocol())  # type: ignore[arg-type]
        await fakes.done


async def start(clock: Callable[[], float], upstream_seconds: float = 0.0) -> Bench:
    """A sidecar on the running loop, without comparisons, which are drawn at random."""
    upstream = FakeUpstream(upstream_seconds)

    async def connect(own: Upstream) -> UpstreamConnection:
        return await upstream.connect(own)

    setattr(Upstream, "connect", connect)  # noqa: B010 – mypy forbids the plain assignment
    settings: dict[str, str | int] = {
        "upstream": "http://127.0.0.1:1",
        "listen": "127.0.0.1:0",
        "admin": "off",
        "mount": "/",
        "profile": "postgrest",
        "shadow.share": 0,
        "merge.probation": 0,
    }
    sidecar = await Sidecar.create(load(settings).settings, RULES, Events(), clock)
    await sidecar.start()
    return Bench(sidecar, upstream)
