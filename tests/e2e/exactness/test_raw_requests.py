"""A corpus of raw requests to a real PostgREST, direct and through fanin: the same answers, by law 1's comparator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.answer_differences import assert_same
from tests.e2e.support.harness import RawClient, ask, fanin, fanin_program

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = pytest.mark.stack

GET = b"GET /creators?select=id,handle&order=id&limit=2 HTTP/1.1\r\n"
JSON = b"Content-Type: application/json\r\n"
RATE = b'{"video_type":"CORPUS","rate_per_video":12.50}'


def request(line: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    """A request with Host, the service role's token in place of ``TOKEN``, and the body's length where it has one."""
    length = (b"Content-Length: %d" % len(body),) if body else ()
    head = (line + b" HTTP/1.1", b"Host: postgrest", b"Authorization: Bearer TOKEN", *lines, *length)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


READS = {
    "rows": request(b"GET /creators?select=id,handle&order=id&limit=3"),
    "one row of text": request(b"GET /creators?select=id,notes&handle=eq.creator_7"),
    "no row": request(b"GET /creators?id=eq.00000000-0000-0000-0000-000000000000"),
    "a large answer": request(b"GET /videos?select=*"),
    "the root": request(b"GET /"),
    "head": request(b"HEAD /creators?select=id&limit=2"),
    "head of nothing": request(b"HEAD /nothing"),
    "options": request(b"OPTIONS /creators"),
    "options of the server": request(b"OPTIONS *"),
    "preflight": request(
        b"OPTIONS /creators",
        b"Origin: http://app.example",
        b"Access-Control-Request-Method: PATCH",
        b"Access-Control-Request-Headers: authorization, x-client-info",
    ),
    "cors": request(b"GET /creators?limit=1", b"Origin: http://app.example"),
    "an unknown method": request(b"PROPFIND /creators"),
    "a method in lower case": request(b"get /creators"),
    "a method of odd letters": request(b"M-SEARCH'!#$%&*+.^_`|~ /creators"),
    "an unknown relation": request(b"GET /no_such_table"),
    "two segments": request(b"GET /a/b"),
    "two slashes": request(b"GET //creators"),
    "a trailing slash": request(b"GET /creators/"),
    "dot segments": request(b"GET /x/../creators?limit=1"),
    "an escaped path": request(b"GET /%63reators?limit=1"),
    "an escaped slash": request(b"GET /creators%2F?limit=1"),
    "a bare question mark": request(b"GET /video_rates?"),
    "a bare percent": request(b"GET /creators?handle=eq.100%"),
    "half an escape": request(b"GET /creators?handle=eq.%4"),
    "no hex": request(b"GET /creators?handle=eq.%zz"),
    "an escape of no UTF-8": request(b"GET /creators?handle=eq.%ff%fe"),
    "an escaped NUL": request(b"GET /creators?handle=eq.%00"),
    "raw UTF-8": request("GET /creators?handle=eq.été&select=id".encode()),
    "raw UTF-8 in the path": request("GET /été".encode()),
    "raw bytes of no UTF-8": request(b"GET /creators?handle=eq.\xe9\xff"),
    "plus and space": request(b"GET /creators?handle=eq.a+b%20c"),
    "a semicolon": request(b"GET /creators?select=id;limit=1"),
    "repeated parameters": request(b"GET /creators?id=eq.1&id=eq.2&select=id&select=handle"),
    "empty parameters": request(b"GET /creators?&&select=id&=&limit=1&"),
    "a fragment": request(b"GET /creators?limit=1#here"),
    "quotes, braces and backslashes": request(b'GET /creators?handle=in.("a,b","c\\"d")&select={id}|<>^`'),
    "a long target": request(b"GET /creators?select=id&handle=in.(" + b",".join([b"x" * 50] * 400) + b")"),
    "a head of 51 kB": request(b"GET /creators?limit=1", b"X-Long: " + b"y" * 51_300),
    "a bad filter": request(b"GET /creators?handle=foo.1"),
    "an unknown column": request(b"GET /creators?nope=eq.1"),
    "a literal of another type": request(b"GET /package_definitions?tier=eq.abc"),
    "no such user": request(b"GET /creators?limit=1").replace(b"TOKEN", b"abc.def.ghi"),
    "nobody": request(b"GET /video_rates").replace(b"Authorization: Bearer TOKEN\r\n", b""),
    "another media type": request(b"GET /video_rates?limit=1", b"Accept: text/csv"),
    "an unknown media type": request(b"GET /video_rates?limit=1", b"Accept: image/png"),
    "one object of many": request(b"GET /video_rates", b"Accept: application/vnd.pgrst.object+json"),
    "one object": request(b"GET /video_rates?limit=1", b"Accept: application/vnd.pgrst.object+json"),
    "no such range": request(b"GET /video_rates", b"Prefer: count=exact", b"Range-Unit: items", b"Range: 5000-6000"),
    "a range": request(b"GET /video_rates?order=video_type", b"Range: 1-2", b"Prefer: count=exact"),
    "a bad range": request(b"GET /video_rates", b"Range: 5-2"),
    "an unknown schema": request(b"GET /video_rates", b"Accept-Profile: nope"),
    "a function that is not there": request(b"GET /rpc/nope?x=1"),
    "conditions": request(b"GET /video_rates?limit=1", b'If-None-Match: "x"', b"If-Modified-Since: x"),
    "encodings": request(b"GET /video_rates", b"Accept-Encoding: gzip, br"),
    "bytes above ASCII in a value": request(b"GET /video_rates?limit=1", "X-Name: é ü".encode() + b" \xff"),
    "blanks around a value": request(b"GET /video_rates?limit=1", b"Prefer: \t count=exact \t ", b"X-Empty:", b"X-E: "),
    "names in any case": request(b"GET /video_rates?limit=1", b"pReFeR:count=exact", b"ACCEPT: text/csv"),
    "headers twice": request(b"GET /video_rates?limit=1", b"Prefer: count=exact", b"Prefer: return=minimal"),
    "two authorizations": request(b"GET /video_rates?limit=1", b"Authorization: Bearer x.y.z"),
    "a cookie": request(b"GET /video_rates?limit=1", b"Cookie: a=b", b"Cookie: c=d"),
    "a get with a body": request(b"GET /video_rates?limit=1", body=b"not read"),
    "h2c": request(
        b"GET /video_rates?limit=1",
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    ),
    "hop-by-hop fields": request(b"GET /video_rates?limit=1", b"TE: trailers", b"Keep-Alive: timeout=5"),
    "no row to change": request(b"PATCH /video_rates?video_type=eq.NONE", JSON.strip(), body=b'{"rate_per_video":1}'),
    "no row to delete": request(b"DELETE /video_rates?video_type=eq.NONE"),
    "a body that is no JSON": request(b"POST /video_rates", JSON.strip(), body=b"{"),
    "a body of another type": request(b"POST /video_rates", b"Content-Type: image/png", body=b"x"),
    "a row that breaks a constraint": request(b"POST /video_rates", JSON.strip(), body=b'{"video_type":"OOTD"}'),
    "an upload without a body": request(b"POST /video_rates", JSON.strip(), b"Content-Length: 0"),
}


def with_token(raw: bytes, stack: Stack) -> bytes:
    return raw.replace(b"TOKEN", stack.token.encode())


@pytest.mark.parametrize("name", READS)
async def test_an_answer_of_postgrest_is_the_same_through_fanin(stack: Stack, name: str) -> None:
    raw = with_token(READS[name], stack)
    async with fanin(stack.url) as sidecar:
        assert_same(await ask(stack.url, raw), await ask(sidecar.port, raw))


async def test_the_whole_corpus_fits_on_one_connection_of_the_program(stack: Stack) -> None:
    host_name = stack.url.replace("127.0.0.1", "localhost")
    async with fanin_program(host_name) as running, RawClient(running.port) as client:
        for name, raw in READS.items():
            if name == "a head of 51 kB":  # PostgREST closes after it, and so does fanin
                continue
            sent = with_token(raw, stack)
            method = sent.partition(b" ")[0]
            await client.send(sent)
            assert_same(await ask(stack.url, sent), await client.answer(method))


async def test_pipelined_requests_are_answered_in_order(stack: Stack) -> None:
    some = [with_token(raw, stack) for name, raw in READS.items() if name != "a head of 51 kB" and b"\r\n\r\n" in raw][
        :24
    ]
    async with fanin(stack.url) as sidecar, RawClient(sidecar.port) as client:
        await client.send(b"".join(some))
        for raw in some:
            assert_same(await ask(stack.url, raw), await client.answer(raw.partition(b" ")[0]))


async def test_the_406_of_one_object_keeps_both_its_content_types(stack: Stack) -> None:
    raw = with_token(READS["one object of many"], stack)
    async with fanin(stack.url) as sidecar:
        answer = await ask(sidecar.port, raw)
    direct = await ask(stack.url, raw)
    assert answer.status == 406
    assert answer.values(b"content-type") == direct.values(b"content-type")


WRITES = (
    request(b"POST /video_rates", JSON.strip(), b"Prefer: return=representation", body=RATE),
    request(b"POST /video_rates", JSON.strip(), body=RATE),
    request(b"PATCH /video_rates?video_type=eq.CORPUS", JSON.strip(), body=b'{"rate_per_video":13}'),
    request(
        b"PATCH /video_rates?video_type=eq.CORPUS",
        JSON.strip(),
        b"Prefer: return=headers-only, count=exact",
        body=b'{"rate_per_video":14}',
    ),
    request(b"PUT /video_rates?video_type=eq.CORPUS", JSON.strip(), body=RATE.replace(b"12.50", b"99")),
    request(b"GET /video_rates?video_type=eq.CORPUS"),
    request(b"DELETE /video_rates?video_type=eq.CORPUS", b"Prefer: return=representation"),
    request(b"DELETE /video_rates?video_type=eq.CORPUS"),
    request(b"POST /video_rates", JSON.strip(), b"Transfer-Encoding: chunked")
    + b"5;name=value\r\n"
    + RATE[:5]
    + b"\r\n%x\r\n" % len(RATE[5:])
    + RATE[5:]
    + b"\r\n0\r\nX-Trailer: dropped\r\n\r\n",
    request(b"DELETE /video_rates?video_type=eq.CORPUS"),
)


async def test_writes_do_the_same_and_are_answered_the_same(stack: Stack) -> None:
    async with fanin(stack.url) as sidecar:
        direct = [await ask(stack.url, with_token(raw, stack)) for raw in WRITES]
        through = [await ask(sidecar.port, with_token(raw, stack)) for raw in WRITES]
    assert [answer.status for answer in direct] == [201, 409, 204, 204, 204, 200, 200, 204, 201, 204]
    for one, two in zip(direct, through, strict=True):
        assert_same(one, two)


async def test_expect_100_continue_is_postgrests_to_answer(stack: Stack) -> None:
    raw = with_token(WRITES[0], stack)
    head, _, body = raw.partition(b"\r\n\r\n")
    head += b"\r\nExpect: 100-continue\r\n\r\n"
    undo = with_token(WRITES[6], stack)

    async def patient(target: str | int) -> bytes:
        async with RawClient(target) as client:
            await client.send(head)
            interim = await client.until(b"\r\n\r\n")
            await client.send(body)
            answer = await client.answer(b"POST")
            assert answer.status == 201
        return interim

    async with fanin(stack.url) as sidecar:
        interims = []
        for target in (stack.url, sidecar.port):
            interims.append(await patient(target))
            assert (await ask(stack.url, undo)).status == 200
    assert interims[0] == interims[1] == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("keep", [b"", b"Connection: keep-alive\r\n"], ids=["plain", "keep-alive"])
async def test_http_1_0_is_answered_and_the_connection_closed(stack: Stack, keep: bytes) -> None:
    raw = b"GET /video_rates?order=video_type HTTP/1.0\r\nAuthorization: Bearer TOKEN\r\n" + keep + b"\r\n"
    raw = with_token(raw, stack)
    async with fanin(stack.url) as sidecar, RawClient(sidecar.port) as client:
        await client.send(raw)
        through = await client.answer()
        assert await client.rest() == b""
    assert_same(await ask(stack.url, raw), through)


async def test_an_absolute_form_target_means_its_origin_form(stack: Stack) -> None:
    origin = with_token(request(b"GET /video_rates?limit=1"), stack)
    absolute = origin.replace(b"GET /", b"GET http://postgrest/")
    async with fanin(stack.url) as sidecar:
        assert_same(await ask(stack.url, origin), await ask(sidecar.port, absolute))


async def test_connection_close_is_obeyed_and_said(stack: Stack) -> None:
    raw = with_token(request(b"GET /video_rates", b"Connection: close"), stack)
    async with fanin(stack.url) as sidecar, RawClient(sidecar.port) as client:
        await client.send(raw)
        answer = await client.answer()
        assert await client.rest() == b""
    assert answer.values(b"connection") == [b"close"]


async def test_many_clients_at_once_each_get_their_own_answer(stack: Stack) -> None:
    names = [name for name in READS if name not in ("a large answer", "a head of 51 kB")]
    async with fanin(stack.url) as sidecar:
        direct = {name: await ask(stack.url, with_token(READS[name], stack)) for name in names}
        through = await asyncio.gather(*(ask(sidecar.port, with_token(READS[name], stack)) for name in names))
    for name, answer in zip(names, through, strict=True):
        assert_same(direct[name], answer)
