"""Requests with a secret in every place that a request has."""

from __future__ import annotations

from functools import cache

SECRET = "hush7f3a91c4"
"""Never shown. Each place has one of its own, so that a failure says which."""

HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Profile",
    "Authorization",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Profile",
    "Content-Type",
    "Cookie",
    "Expect",
    "Forwarded",
    "Host",
    "If-Match",
    "If-None-Match",
    "Origin",
    "Prefer",
    "Range",
    "Range-Unit",
    "Referer",
    "Sec-WebSocket-Key",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "X-Client-Info",
    "X-Fanin",
    "X-Fanin-Other",
    "X-Forwarded-For",
    "X-Retry-Count",
    "apikey",
    "traceparent",
    "tracestate",
    "x-unknown",
)
VALUES = (
    "{}",
    "Bearer {}",
    "count={}",
    "00-{}-00f067aa0ba902b7-01",
    "00-0af7651916cd43dd8448eb211c80319c-{}-01",
    "00-4bf92f3577b34da6{}-00f067aa0ba902b7-01",
    'a="{}"; b={}',
)
TARGETS = (
    "/{}",
    "/{}?id=eq.1",
    "/{}/x",
    "/x/{}",
    "//{}",
    "/%7B{}",
    "/rpc/{}?a=1",
    "/rpc/f?{}=1",
    "/functions/v1/{}",
    "/creators/{}",
    "/creators?{}",
    "/creators?{}=",
    "/creators?{}=eq.1",
    "/creators?{}.id=eq.1",
    "/creators?id->>{}=eq.1",
    "/creators?id=eq.{}",
    "/creators?id=in.(1,{})",
    "/creators?id=not.eq.{}",
    "/creators?id={}",
    "/creators?id={}.1",
    "/creators?id=fts({}).a",
    "/creators?id=is.{}",
    "/creators?or=(id.eq.{},{}.eq.1)",
    "/creators?or={}",
    "/creators?select={}",
    "/creators?select=id,{}(id)",
    "/creators?order={}.desc",
    "/creators?limit={}",
    "/creators?offset={}",
    "/creators?columns={}",
    "/creators?on_conflict={}",
    "/creators?id=eq.1#{}",
    "http://{}/creators",
    "{}",
    "*{}",
)
BODIES = ('[{"id": "{}"}]', "{}", '{"{}": 1}', '[{"id": 1,]{}')
HEAD = "Host: h\r\nX-Fanin-Route: shown-route\r\nX-Fanin-Caller: shown-caller\r\n"
MALFORMED = (
    "{} /creators HTTP/1.1\r\nHost: h\r\n\r\n",
    "{}\r\n\r\n",
    "GET {}\r\n\r\n",
    "GET /{} HTTP/1.1\nHost: h\n\n",
    "GET /{} HTTP/9.9\r\nHost: h\r\n\r\n",
    "GET /a {} HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET\t/{} HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /\x00{} HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / {}/1.1\r\nHost: h\r\n\r\n",
    "CONNECT {}:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    "TRACE /{} HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\n{}\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\n{} : a\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\n : {}\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\na: b\r\n {}\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\na: {}\x00\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\na: \x7f{}\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\na: {}\rb\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\nHost: {}\r\n\r\n",
    "GET /t HTTP/1.1\r\n{}\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\nX-Long: {}" + "x" * 70_000 + "\r\n\r\n",
    "POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    "0\r\n\r\nGET /{} HTTP/1.1\r\n\r\n",
    "POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3{}\r\n\r\nabc",
    "POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: x{}\r\n\r\n0\r\n\r\n",
    "POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n",
    "POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;{}\r\nabcde\r\nzz\r\n",
    "POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}: a\r\n\r\n",
    "GET /t HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\nGET /{} HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}",
    "\x16\x03\x01{}",
    "GET /t?id=eq.1 HTTP/1.1\r\nHost: h\r\nCookie: {}",
    "GET /realtime?apikey={} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: {}\r\n\r\n{}",
    "OPTIONS /{} HTTP/1.1\r\nHost: h\r\nOrigin: http://{}\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    "OPTIONS /{} HTTP/1.1\r\nHost: h\r\n\r\n",
)


@cache
def requests() -> list[bytes]:
    """Every request."""
    made = [f"GET /creators?id=eq.1 HTTP/1.1\r\n{_with(name, value)}\r\n" for name in HEADERS for value in VALUES]
    made += [f"GET /creators HTTP/1.1\r\n{HEAD}{name}: a\r\n\r\n" for name in ("{}", "X-Fanin-{}")]
    made += [f"{method} {target} HTTP/1.1\r\n{HEAD}\r\n" for target in TARGETS for method in ("GET", "HEAD", "PUT")]
    for body in BODIES:
        length = len(_filled(body, 0))
        made.append(
            f"POST /creators HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    return [_filled(text, number) for number, text in enumerate([*made, *MALFORMED])]


def _with(name: str, value: str) -> str:
    head = HEAD if name != "Host" else HEAD.partition("\r\n")[2]
    return f"{head}{name}: {value}\r\n"


def _filled(text: str, number: int) -> bytes:
    return text.replace("{}", f"{SECRET}{number:04}").encode("latin-1")
