"""A secret in every place of a request is shown nowhere: not printed, not counted, not answered by fanin itself."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from proxy.demo.server import free_port
from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.recording.codec import read_traces
from tests.e2e.support.harness import SCRAPE, TIMEOUT, RawClient, ScriptedConnection, ScriptedUpstream, answers
from tests.e2e.support.otlp_collector import otlp_collector
from tests.e2e.support.secret_requests import HEAD, SECRET, requests

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from tests.conftest import Stack

pytestmark = pytest.mark.e2e

SETTINGS = {"trace.quiet_explicit": "0.05", "mount": "/", "log.traces": "100000", "log.warnings": "100000"} | NO_CHECKS
HOW: dict[str, Mapping[str, str]] = {
    "normal": {},
    "debug": {"debug": "true"},
    "shadow": {"mode": "shadow", "debug": "true"},
}
API = (
    "/api/config",
    "/api/traces",
    "/api/fingerprints",
    "/api/findings",
    "/api/health",
    "/api/recording",
    "/api/nothing",
)
SHOWN = ("/metrics", "/livez", "/readyz", "/readyz?upstream", "/", *API)
HESITATION = 0.1  # seconds


async def hang_up(connection: ScriptedConnection) -> None:
    """Hears the request, and closes."""
    await connection.head()


async def echo(connection: ScriptedConnection) -> None:
    """Answers with the request itself."""
    await connection.send(await connection.head() or b"")


BROKEN = {
    "hangs up": hang_up,
    "echoes": echo,
    "fails": answers(b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"),
    "breaks off": answers(b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n[", close=True),
}


def requests_quoted_in(data: bytes) -> list[bytes]:
    """The requests whose secrets are in ``data``, in any case."""
    numbers = set(re.findall(SECRET.encode() + rb"(\d{4})", data.lower()))
    return [request[:200] for number, request in enumerate(requests()) if b"%04d" % number in numbers]


async def exchange(port: int, request: bytes) -> bytes:
    """All that is answered. The client's side is closed once something comes, or nothing does for a while."""
    async with RawClient(port) as client:
        await client.send(request)
        try:
            async with asyncio.timeout(HESITATION):
                first = await client.exactly(1)
        except TimeoutError:
            first = b""
        try:
            client.finish()
        except OSError:
            pass  # it was cut off before
        return first + await client.rest()


async def answers_to_all(port: int) -> list[bytes]:
    """The answers to all requests, a few at a time."""
    turns = asyncio.Semaphore(48)

    async def one(request: bytes) -> bytes:
        async with turns:
            return await exchange(port, request)

    return await asyncio.gather(*map(one, requests()))


async def answer_until_close(port: int, request: str) -> bytes:
    """The answer to a request that asks for the connection to be closed behind it, however long it takes."""
    async with RawClient(port) as client:
        await client.send(request.encode())
        return await client.rest()


async def admin_page(port: int, path: str) -> bytes:
    """What the admin port shows."""
    return await answer_until_close(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


async def everything_shown(fanin: Fanin) -> bytes:
    """All that fanin says of itself, and what its admin port answers to secrets, once the last trace is printed."""
    answered = await answers_to_all(fanin.admin_port)
    last = f"GET /creators?limit=1 HTTP/1.1\r\nX-Fanin-Trace: last\r\nConnection: close\r\n{HEAD}\r\n"
    await answer_until_close(fanin.port, last.replace("shown", "final"))
    async with asyncio.timeout(TIMEOUT):
        while "final-route" not in fanin.printed():  # noqa: ASYNC110 – a file
            await asyncio.sleep(0.02)
    answered += [await admin_page(fanin.admin_port, path) for path in SHOWN]
    traces = set(re.findall(rb'"id": ?"([\w.-]+)"', b"".join(answered)))
    answered += [await admin_page(fanin.admin_port, f"/api/traces/{trace.decode()}") for trace in traces]
    assert b'"spans":' in answered[-1], "each trace is looked at"
    return b"\n".join([*answered, fanin.printed().encode()])


def assert_no_secret(said: bytes, taken: Collection[bytes] = ()) -> None:
    """Nothing of the secrets is in ``said``, though it tells of the requests that had them, but what was ``taken``."""
    assert b"shown-route" in said
    assert sum(map(int, re.findall(rb"^fanin_requests_total\{.*\} (\d+)", said, re.MULTILINE))) > 200
    assert [request for request in requests_quoted_in(said) if request not in taken] == []


def confirmed_names(*answers: Sequence[bytes]) -> set[bytes]:
    """Requests that upstream has taken a secret in for a name: it answered them with a 2xx. Such names are shown."""
    name = re.compile(rb"[^\r]*[?&][^=&\r ]*" + SECRET.encode())
    return {
        request[:200]
        for several in answers
        for request, answer in zip(requests(), several, strict=True)
        if name.match(request) and answer.startswith(b"HTTP/1.1 2")
    }


@pytest.mark.stack
@pytest.mark.parametrize("how", HOW)
async def test_no_secret_of_a_request_is_shown_anywhere(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    """Python's own development mode prints what asyncio and destructors think."""
    monkeypatch.setenv("PYTHONDEVMODE", "1")
    recording = tmp_path / "recording"
    with Fanin(stack.url, settings={**SETTINGS, **HOW[how], "record.file": str(recording)}) as fanin:
        direct, via = await answers_to_all(int(stack.url.rpartition(":")[2])), await answers_to_all(fanin.port)
        for request, alone, answer in zip(requests(), direct, via, strict=True):
            assert not requests_quoted_in(answer) or requests_quoted_in(alone), (
                f"PostgREST does not say it back: {request!r}"
            )
        taken = confirmed_names(direct, via)
        assert_no_secret(await everything_shown(fanin), taken)
    lines = recording.read_bytes()
    assert sum(len(trace.spans) for trace in read_traces("recording", lines.splitlines(keepends=True))) > 200
    assert b"shown-caller" in lines
    assert [request for request in requests_quoted_in(lines) if request not in taken] == []


@pytest.mark.parametrize("broken", BROKEN)
async def test_no_secret_is_shown_when_upstream_fails(broken: str) -> None:
    async with ScriptedUpstream(BROKEN[broken]) as upstream:
        with Fanin(upstream.url, settings={**SETTINGS, "debug": "true"}) as fanin:
            assert [
                request for answer in await answers_to_all(fanin.port) for request in requests_quoted_in(answer)
            ] == []
            assert_no_secret(await everything_shown(fanin))


async def test_no_secret_is_shown_when_there_is_no_upstream() -> None:
    with Fanin(f"http://127.0.0.1:{free_port()}", settings={**SETTINGS, "debug": "true"}) as fanin:
        assert [request for answer in await answers_to_all(fanin.port) for request in requests_quoted_in(answer)] == []
        assert_no_secret(await everything_shown(fanin))


async def test_no_secret_is_in_a_span() -> None:
    """Neither in one of a request that upstream answers with an error, nor in those of its calls."""
    async with otlp_collector() as collector, ScriptedUpstream(BROKEN["fails"]) as upstream:
        settings = {**SETTINGS, "otlp.endpoint": collector.url}
        with Fanin(upstream.url, settings=settings) as fanin:
            await answers_to_all(fanin.port)
            assert_no_secret(await everything_shown(fanin))
            until = b'fanin_otlp_spans_total{result="sent"} '
            async with asyncio.timeout(TIMEOUT):
                while not re.search(until + rb"[4-9]\d\d", await exchange(fanin.admin_port, SCRAPE)):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        assert len(collector.spans()) > 400
        assert requests_quoted_in(b"".join(collector.raw)) == []
