"""An upstream that starts after fanin: it is asked what it is as soon as it answers, and its absence is in the log."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from proxy.observe.events import Event, Events, UpstreamRecovered, Warned
from proxy.sidecar.sidecar import Sidecar
from rules import RULES
from tests.e2e.support.harness import TIMEOUT, ask, free_port, settings, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ = b"GET %b/t?id=eq.1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
AUTO = {"mount": "auto", "profile": "auto", "drain__idle": 0, "drain__timeout": 0.2}


@asynccontextmanager
async def early_fanin(port: int, **changes: Any) -> AsyncIterator[tuple[Sidecar, list[Event]]]:
    """A fanin whose upstream's port is still free."""
    emitted: list[Event] = []
    events = Events()
    events.subscribe(emitted.append)
    used = settings(f"http://127.0.0.1:{port}", **AUTO | changes)
    sidecar = await Sidecar.create(used, RULES, events, time.monotonic)
    await sidecar.start()
    try:
        yield sidecar, emitted
    finally:
        await sidecar.stop()


class LateUpstream:
    """A Supabase gateway, or a plain PostgREST. While ``starting``, the gateway cannot reach PostgREST."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.starting = False
        self.targets: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b" ", 2)
                writer.write(self.answer(method, target))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, method: bytes, target: bytes) -> bytes:
        if method == b"GET":
            self.targets.append(target)
        body = b"" if method == b"HEAD" else b"[]"
        server, status = (b"kong", b"404 Not Found") if self.kind == "supabase" else (b"postgrest/12.2", b"200 OK")
        if self.kind == "placeholder":
            return b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"
        if self.starting:
            server, status = b"kong", b"503 Service Unavailable"
        elif self.kind == "supabase" and target.startswith(b"/rest/v1/"):
            status = b"401 Unauthorized" if method == b"HEAD" else b"200 OK"
        return (
            b"HTTP/1.1 %b\r\nServer: %b\r\nContent-Type: application/json\r\nContent-Range: */*\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (status, server, 0 if method == b"HEAD" else 2, body)
        )

    @asynccontextmanager
    async def on(self, port: int) -> AsyncIterator[None]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        yield
        server.close()


def said(emitted: list[Event]) -> list[str]:
    return [event.what for event in emitted if isinstance(event, Warned)]


async def test_the_mount_and_the_profile_are_corrected_when_supabase_answers_at_last() -> None:
    port, upstream = free_port(), LateUpstream("supabase")
    async with early_fanin(port) as (sidecar, emitted):
        assert (sidecar.discovered.mount, sidecar.discovered.gateway.name) == ("/", "postgrest")
        async with asyncio.timeout(TIMEOUT):
            while not any(what.startswith("upstream is down: ") for what in said(emitted)):  # said after a second
                assert (await ask(sidecar.port, READ % b"/rest/v1")).status == 502
        async with upstream.on(port):
            await until(lambda: sidecar.discovered.mount == "/rest/v1")
            assert sidecar.discovered.gateway.name == "supabase"
            assert (await ask(sidecar.port, READ % b"/rest/v1")).status == 200
            assert upstream.targets == [b"/rest/v1/t?id=eq.1"]
            assert sidecar.upstream_state.context.mount.on_mount(b"/rest/v1/t")
            assert not sidecar.upstream_state.context.mount.on_mount(b"/auth/v1/t")
    asked, *others = said(emitted)
    assert asked.startswith("upstream could not be asked whether it is Supabase: ")
    changed = "mount /rest/v1, profile supabase; since the start fanin has assumed mount /, profile postgrest"
    assert others[-1] == f"upstream is known now: {changed}"
    assert any(what.startswith("upstream is down: ") for what in others)
    assert len([event for event in emitted if isinstance(event, UpstreamRecovered)]) == 1


async def test_nothing_is_corrected_when_a_plain_postgrest_answers_at_last() -> None:
    port, upstream = free_port(), LateUpstream("postgrest")
    async with early_fanin(port) as (sidecar, emitted), upstream.on(port):
        await until(lambda: sidecar.discovered.failure is None)
        assert (await ask(sidecar.port, READ % b"")).status == 200
        assert sidecar.discovered.mount == "/"
    assert not any("known now" in what for what in said(emitted))


async def test_a_gateway_that_cannot_reach_postgrest_yet_is_asked_again() -> None:
    port, upstream = free_port(), LateUpstream("supabase")
    upstream.starting = True
    async with upstream.on(port), early_fanin(port) as (sidecar, emitted):
        assert sidecar.discovered.mount == "/"
        assert (await ask(sidecar.port, READ % b"/rest/v1")).status == 503
        upstream.starting = False
        assert (await ask(sidecar.port, READ % b"/rest/v1")).status == 200
        await until(lambda: sidecar.discovered.mount == "/rest/v1")
    assert sum("known now" in what for what in said(emitted)) == 1


async def test_a_server_that_is_neither_is_asked_again_until_supabase_answers() -> None:
    port, upstream = free_port(), LateUpstream("placeholder")
    async with upstream.on(port), early_fanin(port) as (sidecar, emitted):
        assert (sidecar.discovered.mount, sidecar.discovered.is_certain) == ("/", False)
        await ask(sidecar.port, READ % b"/rest/v1")
        upstream.kind = "supabase"
        await until(lambda: sidecar.discovered.mount == "/rest/v1")
        assert (await ask(sidecar.port, READ % b"/rest/v1")).status == 200
    assert sum("known now" in what for what in said(emitted)) == 1


@pytest.mark.parametrize(
    ("kinds", "mount"),
    [
        (["supabase", "postgrest"], "/"),
        (["postgrest", "supabase"], "/rest/v1"),
        (["supabase", "placeholder", "postgrest"], "/"),
    ],
)
async def test_another_upstream_that_comes_after_an_outage_is_known_as_what_it_is(kinds: list[str], mount: str) -> None:
    port, upstream = free_port(), LateUpstream(kinds[0])
    async with upstream.on(port), early_fanin(port) as (sidecar, emitted):
        first = sidecar.discovered.mount
        assert first != mount
        for kind in kinds[1:]:
            sidecar.health.failed(None)
            await until(lambda: sidecar._rediscovery._is_open)
            upstream.kind = kind
            await ask(sidecar.port, READ % b"")
            if kind != "placeholder":
                await until(lambda: sidecar.discovered.mount == mount)
        assert sidecar.upstream_state.context.mount.on_mount(mount.encode() + b"/t" if mount != "/" else b"/t")
    assert sum("upstream is another one since it was down" in what for what in said(emitted)) == 1


@pytest.mark.parametrize(("mount", "profile"), [("/", "postgrest"), ("/rest/v1", "supabase")])
async def test_what_the_settings_say_is_never_asked_for_nor_corrected(mount: str, profile: str) -> None:
    port, upstream = free_port(), LateUpstream("supabase")
    async with early_fanin(port, mount=mount, profile=profile) as (sidecar, emitted), upstream.on(port):
        await ask(sidecar.port, READ % b"/rest/v1")
        assert (sidecar.discovered.mount, sidecar.discovered.gateway.name) == (mount, profile)
    assert said(emitted) == []
