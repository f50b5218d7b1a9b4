"""What passes: requests as a scripted upstream receives them, and its answers as a client receives them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.answer_differences import assert_same, differences
from tests.e2e.support.harness import (
    OK,
    RawAnswer,
    RawClient,
    ScriptedUpstream,
    answers,
    ask,
    fanin,
)

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\n"


def framed(*lines: bytes, body: bytes) -> bytes:
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


REQUESTS = {
    "any method": b"BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n",
    "any byte in the target": b"GET /\xc3\xa9\xff%zz%41?a=;&b=%&&?#x\\\"'{}|^` HTTP/1.1\r\nHost: h\r\n\r\n",
    "a bare question mark": b"GET /t? HTTP/1.1\r\nHost: h\r\n\r\n",
    "the whole server": b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "case, order, blanks, repeats, emptiness": (
        b"GET / HTTP/1.1\r\nb: 1\r\nHost: h\r\nA:2\r\nB:\t 3 \t\r\nX-Empty:\r\naccept: x,  y\r\nA: 2\r\n\r\n"
    ),
    "bytes above ASCII in a value": b"GET / HTTP/1.1\r\nHost: h\r\nX-N: \xc3\xa9\xff\x80\r\n\r\n",
    "cookies and authorization": b"GET / HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\nCookie: c\r\nAuthorization: B e\r\n\r\n",
    "no header of our own": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "a body by length": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nh\0\r\n\xff",
    "a body of no bytes": b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "a body on a method of our own making": b"BREW / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
    "a chunked body": (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n"
    ),
    "a chunked body of no bytes": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\nX: y\r\n\r\n",
    "fields of the connection": (
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, TE\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
        b"Proxy-Connection: x\r\nX-Fanin-Trace: t\r\nX: y\r\n\r\n"
    ),
    "h2c": (
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n"
    ),
}


@pytest.mark.parametrize("raw", REQUESTS.values(), ids=list(REQUESTS))
async def test_upstream_receives_the_request_as_it_was(raw: bytes) -> None:
    async with ScriptedUpstream(answers(OK, close=True)) as upstream, fanin(upstream.url, upstream_host="client") as to:
        await ask(upstream.url, raw)
        await ask(to.port, raw)
        direct, through = upstream.requests
    assert direct == raw
    one, two = (_as_answer(request) for request in (direct, through))
    assert not differences(one, two)


def _as_answer(request: bytes) -> RawAnswer:
    """A request in the comparator's terms."""
    head, _, body = request.partition(b"\r\n\r\n")
    if re.search(rb"(?i)transfer-encoding: *chunked", head):
        body = b"".join(re.findall(rb"(?s)[0-9a-f]+(?:;[^\r]*)?\r\n(.*?)\r\n", body.partition(b"0\r\n")[0]))
    return RawAnswer(head + b"\r\n\r\n", body)


async def test_upstream_sees_its_own_name_unless_told_otherwise() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        await ask(sidecar.port, b"GET / HTTP/1.1\r\nA: b\r\nHost: elsewhere\r\nC: d\r\n\r\n")
        port = upstream.port
    assert upstream.requests == [b"GET / HTTP/1.1\r\nA: b\r\nHost: 127.0.0.1:%d\r\nC: d\r\n\r\n" % port]


async def test_forwarded_append_adds_the_peer_and_leaves_what_was_there() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, forwarded="append") as sidecar:
        await ask(sidecar.port, b"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")
    assert upstream.requests[0].endswith(b"\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n")


ANSWERS = {
    "by length": framed(b"Content-Length: 5", body=b"h\0\r\n\xff"),
    "of no bytes": framed(b"Content-Length: 0", body=b""),
    "chunked": framed(b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
    "chunked, of no bytes": framed(b"Transfer-Encoding: Chunked", body=b"0\r\n\r\n"),
    "until the close": framed(b"Content-Type: x", body=b"all of it\r\n0\r\n\r\n"),
    "204": b"HTTP/1.1 204 No Content\r\nContent-Range: */*\r\n\r\n",
    "304": b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 500\r\n\r\n',
    "compressed": framed(b"Content-Encoding: gzip", b"Content-Length: 6", body=b"\x1f\x8b\x08\0\0\xff"),
    "redirect and cookies": (
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
        b"Set-Cookie: a=b\r\nSet-Cookie: c\r\nContent-Length: 0\r\n\r\n"
    ),
    "odd head": (
        b"HTTP/1.1 299 \xc3\xa9tat, l\xff  bizarre \r\nb:1\r\nDATE: x\r\n"
        b"A:\t2 \r\nb: 1\r\nX-Empty:\r\nX-N: \xff\xc3\xa9\r\n"
        b"Content-Type: a\r\nContent-Type: b\r\nContent-Length: 1\r\n\r\nx"
    ),
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx",
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    ),
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0 until the close": b"HTTP/1.0 200 OK\r\n\r\nok and more",
    "a long head": framed(b"Content-Location: /t?" + b"x" * 200_000, b"Content-Length: 2", body=b"ok"),
    "an error": b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
    "hop-by-hop": framed(b"Connection: close", b"Keep-Alive: timeout=5", b"Content-Length: 2", body=b"ok"),
}


@pytest.mark.parametrize("raw", ANSWERS.values(), ids=list(ANSWERS))
async def test_the_client_receives_the_answer_as_it_was(raw: bytes) -> None:
    request = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"
    async with ScriptedUpstream(answers(raw, close=True)) as upstream, fanin(upstream.url) as sidecar:
        assert_same(await ask(upstream.url, request), await ask(sidecar.port, request))


async def test_head_is_answered_with_the_length_and_without_the_body() -> None:
    raw = b"HEAD /t HTTP/1.1\r\nHost: h\r\n\r\n"
    head = framed(b"Content-Length: 500", b"X: y", body=b"")
    async with (
        ScriptedUpstream(answers(head)) as upstream,
        fanin(upstream.url) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        for _ in range(2):
            await client.send(raw)
            assert (await client.answer(b"HEAD")).head == head


async def test_an_http_1_0_client_gets_a_chunked_answer_unframed_and_no_1xx() -> None:
    raw = b"HTTP/1.1 103 Early Hints\r\n\r\n" + ANSWERS["chunked"]
    async with (
        ScriptedUpstream(answers(raw)) as upstream,
        fanin(upstream.url) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        await client.send(b"GET /t HTTP/1.0\r\n\r\n")
        assert await client.rest() == HEAD + b"Connection: close\r\n\r\nabc0123456789"


async def test_a_101_that_nobody_asked_for_is_no_answer() -> None:
    raw = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nGARBAGE"
    async with ScriptedUpstream(answers(raw)) as upstream, fanin(upstream.url) as sidecar:
        assert (await ask(sidecar.port, b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")).status == 502


async def test_bytes_after_an_answer_never_become_the_next_answer() -> None:
    stray = OK + b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforeign"
    async with ScriptedUpstream(answers(stray), answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        for _ in range(2):
            assert (await ask(sidecar.port, b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")).body == b"ok"
        assert len(upstream.connections) == 2


async def test_nothing_is_followed_kept_or_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    async with ScriptedUpstream(answers(ANSWERS["redirect and cookies"])) as upstream, fanin(upstream.url) as sidecar:
        raw = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"
        for _ in range(2):
            assert (await ask(sidecar.port, raw)).status == 302
        assert len(upstream.requests) == 2
        assert all(b"ookie" not in request for request in upstream.requests)


# Where upstream is.


@pytest.mark.parametrize(
    ("mount", "base", "sent", "received"),
    [
        ("/rest/v1", "", b"/rest/v1/t?x=1", b"/t?x=1"),
        ("/rest/v1", "", b"/rest/v1", b"/"),
        ("/rest/v1", "", b"/rest/v1?x", b"/?x"),
        ("/rest/v1", "", b"/rest/v10/t", b"/rest/v10/t"),
        ("/rest/v1", "", b"/auth/v1/token?x", b"/auth/v1/token?x"),
        ("/rest/v1", "/rest/v1", b"/rest/v1/t", b"/rest/v1/t"),
        ("/api", "/rest/v1", b"/api/t", b"/rest/v1/t"),
        ("/", "/rest/v1", b"/t", b"/rest/v1/t"),
        ("/", "/rest/v1", b"*", b"*"),
    ],
)
async def test_the_mount_is_replaced_by_upstreams_base(mount: str, base: str, sent: bytes, received: bytes) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url + base, mount=mount) as sidecar:
        await ask(sidecar.port, b"OPTIONS " + sent + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert upstream.requests[0].startswith(b"OPTIONS " + received + b" HTTP/1.1\r\n")


async def test_a_unix_socket_is_an_upstream(tmp_path: Path) -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "s")
    async with server, fanin(f"unix:{tmp_path}/s") as sidecar:
        assert (await ask(sidecar.port, b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")).body == b"ok"
    assert got == [b"GET /t HTTP/1.1\r\nHost: localhost\r\n\r\n"]
