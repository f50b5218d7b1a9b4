"""The whole sidecar in this process, on uvloop, between faked clients and a faked upstream: its CPU time per request.

No socket, no kernel and no other process takes part, so that what is measured is fanin's own code, with the cost of the
fakes, which is the same for two trees that are compared. ``python -m tests.bench.in_process PATH REQUESTS`` runs one of
``PATHS`` and prints seconds of CPU per request.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import uvloop

from proxy.observe.events import Events
from proxy.settings.loading import load
from proxy.sidecar.sidecar import Sidecar
from proxy.upstream.client import Upstream
from proxy.upstream.connection import UpstreamConnection
from rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.server.server import ClientConnection

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
    """Answers each request in the next turn of the loop."""

    def __init__(self) -> None:
        self.calls = 0

    async def connect(self, upstream: Upstream) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        connection = UpstreamConnection(upstream.open_endpoints, lambda: None)

        def receive(request: bytes) -> None:
            self.calls += 1
            loop.call_soon(connection.data_received, answer_to(request))

        connection.connection_made(FakeTransport(receive))
        return connection


class FakeClients:
    """Clients with one request at a time each, ``total`` requests together."""

    def __init__(self, total: int, line: str) -> None:
        self._requests = [HEAD.format(key, line).encode() for key in range(KEYS)]
        self._left = total
        self._waiting = total
        self.done = asyncio.get_running_loop().create_future()

    def connect(self, connection: ClientConnection) -> None:
        loop = asyncio.get_running_loop()

        def send() -> None:
            if self._left:
                self._left -= 1
                connection.data_received(self._requests[self._left % KEYS])

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


async def run(path: str, requests: int) -> tuple[float, float]:
    """Seconds of CPU per request, and upstream calls per request."""
    clients, line = PATHS[path]
    upstream = FakeUpstream()

    async def connect(own: Upstream) -> UpstreamConnection:
        return await upstream.connect(own)

    setattr(Upstream, "connect", connect)  # noqa: B010 – mypy forbids the plain assignment
    flags = {
        "upstream": "http://127.0.0.1:1",
        "listen": "127.0.0.1:0",
        "admin": "off",
        "mount": "/",
        "profile": "postgrest",
    }
    checks = {"shadow.share": 0, "merge.probation": 0}
    sidecar = await Sidecar.create(load(flags | checks).settings, RULES, Events(), time.monotonic)
    await sidecar.start()
    made = sidecar.server._listener._create_protocol
    for count in (max(500, requests // 10), requests):  # the first round fills the caches
        fakes = FakeClients(count, line)
        began, calls = time.process_time(), upstream.calls
        for _ in range(clients):
            fakes.connect(made())  # type: ignore[arg-type]
        await fakes.done
        spent = time.process_time() - began
    return spent / requests, (upstream.calls - calls) / requests


def main() -> None:
    """Print seconds of CPU and upstream calls per request."""
    path, requests = sys.argv[1], int(sys.argv[2])
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    seconds, calls = runner.run(run(path, requests))
    print(f"{seconds:.9f} {calls:.4f}", flush=True)
    os._exit(0)  # the fakes never close, so the clients' tasks would not end


if __name__ == "__main__":
    main()
