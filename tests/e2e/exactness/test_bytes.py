"""What passes: requests as a scripted upstream receives them, and its answers as a client receives them."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from proxy.path.comparison import compared_lines
from proxy.settings.sources import ConfigError
from tests.e2e.support.answer_differences import assert_same, differences
from tests.e2e.support.harness import OK, RawAnswer, RawClient, ScriptedUpstream, Talk, answers, ask, fanin

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
        assert len(upstream.talks) == 2


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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of ``localhost`` with its key, in one PEM file."""
    directory = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ("-keyout", str(directory / "key"), "-out", str(directory / "certificate"))
    names = ("-addext", "subjectAltName=DNS:localhost")
    subprocess.run(["openssl", *command.split(), *names, *files], check=True, capture_output=True)
    pem = directory / "both.pem"
    pem.write_bytes((directory / "key").read_bytes() + (directory / "certificate").read_bytes())
    return pem


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_an_upstream_under_tls_is_checked_against_its_name(certificate: Path) -> None:
    raw = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"
    long = framed(b"Transfer-Encoding: chunked", body=b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n0\r\n\r\n")
    async with ScriptedUpstream(answers(long), tls=server_context(certificate)) as upstream:
        by_name = f"https://localhost:{upstream.port}"
        async with fanin(by_name, upstream_ca=str(certificate)) as sidecar:
            answer = await ask(sidecar.port, raw)
            assert len(answer.body) == 1_000_000
            assert answer.complete
        async with fanin(upstream.url, upstream_ca=str(certificate)) as sidecar:
            wrong_name = await ask(sidecar.port, raw)
        async with fanin(by_name) as sidecar:
            unknown_authority = await ask(sidecar.port, raw)
        assert len(upstream.requests) == 1
    assert wrong_name.status == unknown_authority.status == 502
    assert b"FANIN501" in wrong_name.body
    assert b"CERTIFICATE_VERIFY_FAILED" in unknown_authority.body


async def test_an_upload_under_tls_arrives_whole(certificate: Path) -> None:
    body = bytes(range(256)) * 4000
    raw = b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with ScriptedUpstream(answers(OK), tls=server_context(certificate)) as upstream:
        async with fanin(f"https://localhost:{upstream.port}", upstream_ca=str(certificate)) as sidecar:
            assert (await ask(sidecar.port, raw)).status == 200
        assert upstream.requests[0].partition(b"\r\n\r\n")[2] == body


async def test_an_authority_file_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="upstream_ca"):
        async with fanin("https://localhost:1", upstream_ca=str(tmp_path / "no.pem")):
            pass


# WebSockets.

UPGRADE = (
    b"GET /realtime/v1/websocket?v=1 HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


async def test_a_websocket_is_an_opaque_tunnel() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(SWITCHED + b"\x81\x05hello")
        assert await talk.exactly(9) == b"\0\xff\r\n\r\nGET"
        await talk.send(b"\x88\0")

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(UPGRADE + b"\0\xff")
            assert await client.until(b"\r\n\r\n") == SWITCHED
            await client.send(b"\r\n\r\nGET")
            assert await client.rest() == b"\x81\x05hello\x88\0"
        head = upstream.requests[0]
    assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in head
    assert compared_lines(head)[1:3] == compared_lines(UPGRADE)[1:3]


async def test_what_either_side_says_last_arrives_before_its_hang_up() -> None:
    big = b"x" * 3_000_000

    async def says_much_and_leaves(talk: Talk) -> None:
        await talk.request()
        await talk.send(SWITCHED + big)

    async def listens(talk: Talk) -> None:
        await talk.request()
        await talk.send(SWITCHED)
        await talk.gone()

    async with ScriptedUpstream(says_much_and_leaves, listens) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(UPGRADE)
            assert await client.rest() == SWITCHED + big
        async with RawClient(sidecar.port) as client:
            await client.send(UPGRADE)
            await client.until(b"\r\n\r\n")
            await client.send(big)
        await upstream.until(lambda: upstream.talks[1].closed)
        assert upstream.talks[1].received.endswith(b"\r\n\r\n" + big)
        assert not upstream.talks[1].reset


async def test_a_refused_upgrade_is_an_ordinary_answer() -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    async with ScriptedUpstream(answers(refused)) as upstream, fanin(upstream.url) as sidecar:
        assert_same(await ask(upstream.url, UPGRADE), await ask(sidecar.port, UPGRADE))


async def test_tunnels_have_a_limit_of_their_own() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(SWITCHED)
        await talk.gone()

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, pool__tunnels=1) as sidecar:
        async with RawClient(sidecar.port) as first:
            await first.send(UPGRADE)
            await first.until(b"\r\n\r\n")
            assert (await ask(sidecar.port, UPGRADE)).status == 503
            assert gauges(sidecar)["tunnels"] == 1
        await upstream.until(lambda: upstream.talks[0].closed)


async def test_an_upgrade_with_a_body_is_no_upgrade() -> None:
    raw = UPGRADE.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc")
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        assert (await ask(sidecar.port, raw)).status == 200
    assert b"Upgrade" not in upstream.requests[0]
