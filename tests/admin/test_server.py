"""The admin port over a socket: open paths, protected paths, and protection against other websites."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from proxy.admin.access import HEADERS
from proxy.admin.server import AdminServer
from proxy.settings.declared import declared
from proxy.settings.loading import EffectiveSettings, load
from proxy.settings.sources import AddressInUseError
from tests.e2e.support.harness import OK, RawAnswer, ScriptedUpstream, answers, ask, fanin, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "a-token-of-some-length"
ELSEWHERE = "X-Forwarded-For: 192.0.2.7"
"""Header that makes the local client of a test a remote one."""
BEARER = f"Authorization: Bearer {TOKEN}"
JSON = ("Content-Type: application/json", "Content-Length: 2")


def request(target: str, *lines: str, method: str = "GET", host: str = "127.0.0.1", body: str = "") -> bytes:
    head = (f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", body)
    return "\r\n".join(head).encode()


async def counts(_: str) -> tuple[bytes, str]:
    return b"counts 1\n", "text/plain"


class Loaded:
    """Effective settings that a test may change."""

    def __init__(self, **flags: Any) -> None:
        self.flags = {"admin": "127.0.0.1:0", **flags}
        self.changed: list[str] = []

    def __call__(self) -> EffectiveSettings:
        return load(self.flags)

    async def change(self, _: web.Request) -> web.Response:
        self.changed.append("yes")
        return web.Response(text="changed")

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text="a page of later")


@asynccontextmanager
async def admin(loaded: Loaded) -> AsyncIterator[AdminServer]:
    """An admin port with three further routes, in place of pages."""
    more = [web.get("/", loaded.page), web.get("/api/traces", loaded.page), web.post("/api/pause", loaded.change)]
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        server = AdminServer(sidecar, counts, loaded, more)
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


async def get(port: int, target: str, *lines: str, **more: str) -> RawAnswer:
    return await ask(port, request(target, *lines, **more))


def cookie(answer: RawAnswer) -> str:
    (line,) = answer.values(b"set-cookie")
    return line.decode()


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_metrics_and_health_are_open_and_pages_need_a_local_client_or_the_token(token: str | None) -> None:
    async with admin(Loaded(admin_token=token)) as server:
        for path, text in (("/metrics", b"counts 1\n"), ("/livez", b"alive\n"), ("/readyz", b"ready\n")):
            assert (await get(server.port, path, ELSEWHERE)).body == text
        for path in ("/", "/api/traces", "/api/config"):
            assert (await get(server.port, path)).status == 200
            assert (await get(server.port, path, ELSEWHERE)).status == (401 if token else 403)
            assert (await get(server.port, path, ELSEWHERE, BEARER)).status == (200 if token else 403)


async def test_a_denied_client_does_not_learn_which_paths_exist() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as server:
        there, nowhere = [await get(server.port, path, ELSEWHERE) for path in ("/api/config", "/api/no")]
        assert (there.status, there.body) == (nowhere.status, nowhere.body)
        assert (await get(server.port, "/api/no")).status == 404


async def test_a_login_sets_a_cookie_that_scripts_cannot_read_and_other_sites_cannot_send() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as server:
        entered = await get(server.port, f"/api/traces?token={TOKEN}", ELSEWHERE)
        assert entered.status == 200
        assert b'content="0;url=/api/traces"' in entered.body
        assert TOKEN.encode() not in entered.head + entered.body
        name, *marks = cookie(entered).split("; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(marks)
        assert (await get(server.port, "/api/traces", ELSEWHERE, f"Cookie: {name}")).body == b"a page of later"
        assert (await get(server.port, "/api/traces", ELSEWHERE, "Cookie: fanin=0123")).status == 401


async def test_a_wrong_token_in_the_url_does_not_log_in() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as server:
        for target in ("/?token=wrong", "/?token="):
            answer = await get(server.port, target, ELSEWHERE)
            assert (answer.status, answer.values(b"set-cookie")) == (401, [])
        assert (await get(server.port, f"/?token={TOKEN}", ELSEWHERE, host="evil.example")).status == 403
    async with admin(Loaded()) as server:
        assert (await get(server.port, "/?token=", ELSEWHERE)).status == 403


@pytest.mark.parametrize("path", ["//evil.example/", "/%22%3E%3Cscript%3E"])
async def test_a_login_page_links_only_to_this_port_and_contains_no_script(path: str) -> None:
    async with admin(Loaded(admin_token=TOKEN)) as server:
        body = (await get(server.port, f"{path}?token={TOKEN}", ELSEWHERE)).body
        assert b"url=//" not in body
        assert b"<script" not in body


async def test_the_cookie_stays_valid_until_the_token_changes() -> None:
    loaded = Loaded(admin_token=TOKEN)
    async with admin(loaded) as server:
        name = cookie(await get(server.port, f"/?token={TOKEN}", ELSEWHERE)).partition(";")[0]
        loaded.flags["admin_hosts"] = ["fanin.internal"]
        server.apply_settings()
        assert (await get(server.port, "/", ELSEWHERE, f"Cookie: {name}", host="fanin.internal:1")).status == 200
        loaded.flags["admin_token"] = TOKEN + "-another"
        server.apply_settings()
        assert (await get(server.port, "/", ELSEWHERE, f"Cookie: {name}")).status == 401


async def test_any_other_host_is_denied() -> None:
    async with admin(Loaded(admin_hosts=["fanin.internal"])) as server:
        for path in ("/metrics", "/livez", "/api/config", "/nowhere"):
            assert (await get(server.port, path, host="evil.example:9000")).status == 403
        assert (await get(server.port, "/api/config", host="fanin.internal:9000")).status == 200


async def test_a_change_needs_a_post_of_json_and_the_same_origin() -> None:
    loaded = Loaded(admin_token=TOKEN)
    async with admin(loaded) as server:
        own, foreign = f"Origin: http://127.0.0.1:{server.port}", "Origin: http://evil.example"
        host = f"127.0.0.1:{server.port}"

        async def change(*lines: str, method: str = "POST") -> int:
            body = "" if method == "GET" else "{}"
            return (await get(server.port, "/api/pause", *lines, method=method, host=host, body=body)).status

        assert await change(*JSON, foreign) == 403
        assert await change(*JSON, foreign, BEARER) == 403
        assert await change("Content-Type: text/plain", "Content-Length: 2", own) == 415
        assert await change("Content-Type: application/x-www-form-urlencoded", "Content-Length: 2") == 415
        assert await change(*JSON, own, ELSEWHERE) == 401
        assert await change("Sec-Fetch-Site: cross-site", *JSON) == 403
        assert await change(*JSON, own, method="DELETE") == 405
        assert await change(method="GET") == 405
        assert loaded.changed == []
        assert await change(*JSON, own) == await change(*JSON, ELSEWHERE, BEARER) == 200
        assert loaded.changed == ["yes"] * 2


async def test_every_answer_has_the_security_headers_and_none_allows_another_origin() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as server:
        origin = "Origin: http://evil.example"
        preflight = "Access-Control-Request-Method: POST"
        answers = [
            await get(server.port, "/metrics", origin),
            await get(server.port, "/api/config", origin),
            await get(server.port, "/api/config", ELSEWHERE),
            await get(server.port, "/nowhere"),
            await get(server.port, "/", host="evil.example"),
            await get(server.port, f"/?token={TOKEN}", ELSEWHERE),
            await get(server.port, "/api/pause", origin, preflight, method="OPTIONS"),
        ]
    assert [answer.status for answer in answers] == [200, 403, 401, 404, 403, 200, 405]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.values(name.lower().encode()) == [value.encode()]
        assert not [line for line in answer.lines if line.lower().startswith(b"access-control-")]
    assert answers[0].values(b"cache-control") == []
    assert all(answer.values(b"cache-control") == [b"no-store"] for answer in answers[1:])
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'self';")


async def test_settings_are_shown_with_their_sources_and_without_secrets() -> None:
    async with admin(Loaded(admin_token=TOKEN, db_uri="postgres://u:hidden@h/d", mode="observe")) as server:
        answer = await get(server.port, "/api/config")
    assert answer.values(b"content-type") == [b"application/json"]
    rows = {row["name"]: row for row in json.loads(answer.body)}
    assert list(rows) == list(declared())
    assert (rows["mode"]["value"], rows["mode"]["source"]) == ("observe", "flag")
    assert b"hidden" not in answer.body
    assert TOKEN.encode() not in answer.body


async def test_the_metrics_port_has_no_pages_and_no_api() -> None:
    async with admin(Loaded(metrics="127.0.0.1:0")) as server:
        for path in ("/metrics", "/livez", "/readyz"):
            assert (await get(server.metrics_port, path, ELSEWHERE)).status == 200
        for path in ("/", "/api/config", "/api/traces"):
            assert (await get(server.metrics_port, path)).status == 404
            assert (await get(server.metrics_port, path, ELSEWHERE)).status == 403
        assert (await get(server.metrics_port, "/metrics", host="evil.example")).status == 403
        assert server.summary == f", admin port {server.port}, metrics port {server.metrics_port}"
    async with admin(Loaded(admin="off", metrics="127.0.0.1:0")) as server:
        assert server.port == 0
        assert (await get(server.metrics_port, "/livez")).status == 200


async def test_an_address_in_use_is_named_in_the_error() -> None:
    async with admin(Loaded()) as server:
        for name in ("admin", "metrics"):
            with pytest.raises(AddressInUseError, match=rf"^{name}: cannot bind 127\.0\.0\.1:{server.port}: "):
                async with admin(Loaded(**{"admin": "off", name: f"127.0.0.1:{server.port}"})):
                    pass


RAW_LINES = (
    b"Authorization: Bearer \xff\x80",
    b"Authorization: \xe9 \xe9",
    b"Cookie: fanin=\x80\xff",
    b"Cookie: \xff=\x80; fanin=a",
    b"Origin: \x80",
    b"Accept: \xff",
    b"Content-Type: \xff",
    b"X-Forwarded-For: \xff",
    b"Sec-Fetch-Site: \xff",
    b"User-Agent: \xff",
)


@pytest.mark.parametrize("line", RAW_LINES)
@pytest.mark.parametrize("target", [b"/", b"/metrics", b"/livez", b"/api/config", b"/?token=%FF", b"/\xff?token=\xff"])
async def test_bytes_that_are_no_text_are_never_an_error_of_fanin(line: bytes, target: bytes) -> None:
    async with admin(Loaded(admin_token=TOKEN)) as server:
        head = b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%b\r\nVia: a\r\n\r\n" % (target, line)
        assert (await ask(server.port, head)).status in (200, 400, 401, 403, 404)


@pytest.mark.parametrize("host", ["Host:", "Host: :9000", "Host: localhost:x", "X: y"])
async def test_a_host_without_a_name_is_denied_also_while_the_metrics_port_is_off(host: str) -> None:
    async with admin(Loaded()) as server:
        for version in ("1.0", "1.1"):
            head = f"GET /livez HTTP/{version}\r\n{host}\r\nConnection: close\r\n\r\n"
            assert (await ask(server.port, head.encode())).status in (400, 403)


async def test_readyz_is_503_while_there_is_no_file_descriptor() -> None:
    async with fanin(f"http://127.0.0.1:{free_port()}") as sidecar:
        server = AdminServer(sidecar, counts, Loaded())
        await server.start()
        try:
            sidecar.upstream.exhausted += 1
            sidecar.descriptors.check()
            assert (await get(server.port, "/readyz")).body == b"no file descriptor is left\n"
            assert sidecar.descriptors.exhausted == 1
        finally:
            await server.stop()


async def test_readyz_is_503_while_draining_and_checks_upstream_only_on_request() -> None:
    async with fanin(f"http://127.0.0.1:{free_port()}") as sidecar:
        server = AdminServer(sidecar, counts, Loaded())
        await server.start()
        try:
            assert (await get(server.port, "/readyz")).body == b"ready\n"
            down = await get(server.port, "/readyz?upstream")
            assert (down.status, down.body) == (503, b"upstream is down\n")
            sidecar.draining = True
            assert (await get(server.port, "/readyz")).body == b"draining\n"
            assert (await get(server.port, "/livez")).status == 200
        finally:
            sidecar.draining = False
            await server.stop()


@pytest.mark.parametrize(
    "line", ["X-Forwarded-Host: a.example", "CF-Connecting-IP: 192.0.2.7", "Via: 1.1 a", "X-Real-Ip: ::1"]
)
async def test_a_request_with_a_header_of_a_proxy_is_not_local(line: str) -> None:
    async with admin(Loaded()) as server:
        assert (await get(server.port, "/api/config", line)).status == 403
        assert (await get(server.port, "/metrics", line)).status == 200
