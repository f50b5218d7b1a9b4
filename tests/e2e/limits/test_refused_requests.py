"""Requests that HTTP does not allow are refused, each with its code, and nothing of them reaches upstream."""

from __future__ import annotations

import pytest

from tests.e2e.support.error_codes import error_code
from tests.e2e.support.harness import (
    OK,
    RawClient,
    ScriptedUpstream,
    answers,
    ask,
    fanin,
)

GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


POST = b"POST /t HTTP/1.1\r\nHost: h\r\n"


LONG = 60.0


REFUSED = {
    "length with chunked": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "FANIN103"),
    "chunked with length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "FANIN103"),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "FANIN103"),
    "the same length twice": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "FANIN103"),
    "lengths in a list": (POST + b"Content-Length: 3, 3\r\n\r\nabc", "FANIN103"),
    "a length with plus": (POST + b"Content-Length: +5\r\n\r\nhello", "FANIN103"),
    "a length below zero": (POST + b"Content-Length: -1\r\n\r\n", "FANIN103"),
    "a length in hex": (POST + b"Content-Length: 0x5\r\n\r\nhello", "FANIN103"),
    "a length of other digits": (POST + "Content-Length: ٥\r\n\r\nhello".encode(), "FANIN103"),
    "a length with a blank in it": (POST + b"Content-Length: 1 0\r\n\r\n", "FANIN103"),
    "an empty length": (POST + b"Content-Length:\r\n\r\n", "FANIN103"),
    "a length beyond 64 bits": (POST + b"Content-Length: 18446744073709551617\r\n\r\nx", "FANIN103"),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "FANIN103"),
    "another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "FANIN111"),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "FANIN111"),
    "two codings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "FANIN111"),
    "an empty coding": (POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", "FANIN111"),
    "a coding in quotes": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', "FANIN111"),
    "a coding after a tab of another kind": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "FANIN102"),
    "a blank before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "FANIN102"),
    "a folded line": (POST + b"X: a\r\n b\r\n\r\n", "FANIN102"),
    "a folded first line": (b"GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", "FANIN102"),
    "a NUL in a value": (POST + b"X: a\0b\r\n\r\n", "FANIN102"),
    "a NUL in a name": (POST + b"X\0: a\r\n\r\n", "FANIN102"),
    "a bare CR": (POST + b"X: a\rY: b\r\n\r\n", "FANIN102"),
    "a bare LF": (POST + b"X: a\nY: b\r\n\r\n", "FANIN102"),
    "no colon": (POST + b"nonsense\r\n\r\n", "FANIN102"),
    "no name": (POST + b": x\r\n\r\n", "FANIN102"),
    "a name above ASCII": (POST + b"\xc3\xa9: x\r\n\r\n", "FANIN102"),
    "Connection names a field": (POST + b"Connection: close, Authorization\r\n\r\n", "FANIN105"),
    "Connection names Host": (POST + b"Connection: host\r\n\r\n", "FANIN105"),
    "two Hosts": (POST + b"Host: i\r\n\r\n", "FANIN106"),
    "an empty Host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "FANIN106"),
    "a Host with a blank": (b"GET / HTTP/1.1\r\nHost: h i\r\n\r\n", "FANIN106"),
    "a Host with a path": (b"GET / HTTP/1.1\r\nHost: h/t\r\n\r\n", "FANIN106"),
    "a Host with a port that is no number": (b"GET / HTTP/1.1\r\nHost: h:x\r\n\r\n", "FANIN106"),
    "an invalid Host in HTTP/1.0": (b"GET / HTTP/1.0\r\nHost: h h\r\n\r\n", "FANIN106"),
    "another expectation": (POST + b"Expect: 200-ok\r\nContent-Length: 0\r\n\r\n", "FANIN117"),
    "an authority with a user": (b"GET http://u@h/t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "too many header lines": (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a:\r\n" * 15_900 + b"\r\n", "FANIN109"),
    "endless empty lines": (b"\r\n" * 100_000, "FANIN101"),
    "no Host": (b"GET / HTTP/1.1\r\nX: y\r\n\r\n", "FANIN106"),
    "no version": (b"GET /\r\n\r\n", "FANIN101"),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a blank in the target": (b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a tab in the target": (b"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a NUL in the target": (b"GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "no token as a method": (b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a target of no form": (b"GET t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "another scheme": (b"GET ftp://h/t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "no authority": (b"GET http:///t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", "FANIN110"),
    "no HTTP": (b"GET / SPDY/3\r\n\r\n", "FANIN101"),
    "TLS": (b"\x16\x03\x01\x02\0\x01\0\r\n\r\n", "FANIN101"),
    "CONNECT": (b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN107"),
    "PRI": (b"PRI /t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN107"),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN107"),
    "a head of 64 kB": (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 65_536 + b"\r\n\r\n", "FANIN109"),
    "a head of 100 kB that is no GET": (b"POST /t?x=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN109"),
    "a target of 64 kB that is no GET's": (b"HEAD /" + b"x" * 65_600, "FANIN109"),
    "a GET's target of 1 MB": (b"GET /" + b"x" * 1_048_600, "FANIN109"),
    "a GET's long target with long headers": (
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 65_536 + b"\r\n\r\n",
        "FANIN109",
    ),
    "a long target of blanks": (b"GET /" + b" " * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
}


@pytest.mark.parametrize(("raw", "expected"), REFUSED.values(), ids=list(REFUSED))
async def test_it_is_refused_and_nothing_reaches_upstream(raw: bytes, expected: str) -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin(upstream.url) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        await client.send(raw + GET)
        answer = await client.answer()
        assert error_code(answer) == expected
        assert answer.values(b"connection") == [b"close"]
        client.finish()
        assert await client.rest() == b""
        assert not upstream.connections


async def test_a_head_with_bare_line_feeds_is_refused_before_its_time_is_over() -> None:
    async with fanin("http://127.0.0.1:1") as sidecar:
        assert error_code(await ask(sidecar.port, b"GET / HTTP/1.1\nHost: h\n\n")) == "FANIN102"


CHUNKS = {
    "no size": b"\r\n\r\n",
    "no hex": b"g\r\n",
    "0x": b"0x5\r\nhello\r\n",
    "plus": b"+5\r\nhello\r\n",
    "minus": b"-5\r\nhello\r\n",
    "a blank before": b" 5\r\nhello\r\n",
    "a blank after": b"5 \r\nhello\r\n",
    "underscores": b"1_0\r\n",
    "too large": b"f" * 16 + b"\r\n",
    "a bare LF": b"5\nhello\r\n",
    "a bare LF in the extension": b"5;a\nb\r\nhello\r\n",
    "more data than said": b"5\r\nhello!\r\n",
    "no CRLF after the data": b"5\r\nhello0\r\n\r\n",
    "a NUL in a trailer": b"0\r\nX: \0\r\n\r\n",
    "an endless extension": b"5;" + b"x" * 5000,
    "long extensions of small chunks": (b"1;" + b"x" * 4000 + b"\r\na\r\n") * 6,
    "endless trailers": b"0\r\n" + b"x:\r\n" * 100,
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=list(CHUNKS))
async def test_a_bad_chunk_ends_the_request_and_upstreams_connection(chunks: bytes) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" + chunks)
            answer = await client.answer()
        assert error_code(answer) == "FANIN104"
        for connection in upstream.connections:
            await upstream.until(lambda connection=connection: connection.closed)  # type: ignore[misc]
        assert not upstream.requests
