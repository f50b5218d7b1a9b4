"""The admin port over a socket: what everybody gets, what takes a token, and what no browser is let do for others."""

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
from proxy.settings.sources import ConfigError
from tests.e2e.support.harness import OK, RawAnswer, ScriptedUpstream, answers, ask, fanin, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "a-token-of-some-length"
ELSEWHERE = "X-Forwarded-For: 192.0.2.7"
"""How a test on this machine comes from another one."""
BEARER = f"Authorization: Bearer {TOKEN}"
JSON = ("Content-Type: application/json", "Content-Length: 2")


def request(target: str, *lines: str, method: str = "GET", host: str = "127.0.0.1", body: str = "") -> bytes:
    head = (f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", body)
    return "\r\n".join(head).encode()


async def counts(_: str) -> tuple[bytes, str]:
    return b"counts 1\n", "text/plain"


class Loaded:
    """Settings in force, which a test may change."""

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
    """An admin port with two routes more, as a later page would have them."""
    more = [web.get("/", loaded.page), web.get("/api/traces", loaded.page), web.post("/api/pause", loaded.change)]
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        made = AdminServer(sidecar, counts, loaded, more)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()


async def get(port: int, target: str, *lines: str, **more: str) -> RawAnswer:
    return await ask(port, request(target, *lines, **more))


def cookie(answer: RawAnswer) -> str:
    (line,) = answer.values(b"set-cookie")
    return line.decode()


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_metrics_and_health_are_for_all_and_pages_for_this_machine_or_the_token(token: str | None) -> None:
    async with admin(Loaded(admin_token=token)) as made:
        for path, text in (("/metrics", b"counts 1\n"), ("/livez", b"alive\n"), ("/readyz", b"ready\n")):
            assert (await get(made.port, path, ELSEWHERE)).body == text
        for path in ("/", "/api/traces", "/api/config"):
            assert (await get(made.port, path)).status == 200
            assert (await get(made.port, path, ELSEWHERE)).status == (401 if token else 403)
            assert (await get(made.port, path, ELSEWHERE, BEARER)).status == (200 if token else 403)


async def test_whoever_may_not_in_is_not_told_what_there_is() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as made:
        there, nowhere = [await get(made.port, path, ELSEWHERE) for path in ("/api/config", "/api/no")]
        assert (there.status, there.body) == (nowhere.status, nowhere.body)
        assert (await get(made.port, "/api/no")).status == 404


async def test_the_token_in_the_address_becomes_a_cookie_that_no_script_reads_and_no_other_site_sends() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as made:
        entered = await get(made.port, f"/api/traces?token={TOKEN}", ELSEWHERE)
        assert entered.status == 200
        assert b'content="0;url=/api/traces"' in entered.body
        assert TOKEN.encode() not in entered.head + entered.body
        name, *marks = cookie(entered).split("; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(marks)
        assert (await get(made.port, "/api/traces", ELSEWHERE, f"Cookie: {name}")).body == b"a page of later"
        assert (await get(made.port, "/api/traces", ELSEWHERE, "Cookie: fanin=0123")).status == 401


async def test_a_wrong_token_in_the_address_is_no_login() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as made:
        for target in ("/?token=wrong", "/?token="):
            answer = await get(made.port, target, ELSEWHERE)
            assert (answer.status, answer.values(b"set-cookie")) == (401, [])
        assert (await get(made.port, f"/?token={TOKEN}", ELSEWHERE, host="evil.example")).status == 403
    async with admin(Loaded()) as made:
        assert (await get(made.port, "/?token=", ELSEWHERE)).status == 403


@pytest.mark.parametrize("path", ["//evil.example/", "/%22%3E%3Cscript%3E"])
async def test_a_login_leads_nowhere_else_and_is_no_way_in_for_script(path: str) -> None:
    async with admin(Loaded(admin_token=TOKEN)) as made:
        body = (await get(made.port, f"{path}?token={TOKEN}", ELSEWHERE)).body
        assert b"url=//" not in body
        assert b"<script" not in body


async def test_the_cookie_ends_with_the_token_and_not_with_another_reload() -> None:
    loaded = Loaded(admin_token=TOKEN)
    async with admin(loaded) as made:
        name = cookie(await get(made.port, f"/?token={TOKEN}", ELSEWHERE)).partition(";")[0]
        loaded.flags["admin_hosts"] = ["fanin.internal"]
        made.apply_settings()
        assert (await get(made.port, "/", ELSEWHERE, f"Cookie: {name}", host="fanin.internal:1")).status == 200
        loaded.flags["admin_token"] = TOKEN + "-another"
        made.apply_settings()
        assert (await get(made.port, "/", ELSEWHERE, f"Cookie: {name}")).status == 401


async def test_any_other_host_is_refused() -> None:
    async with admin(Loaded(admin_hosts=["fanin.internal"])) as made:
        for path in ("/metrics", "/livez", "/api/config", "/nowhere"):
            assert (await get(made.port, path, host="evil.example:9000")).status == 403
        assert (await get(made.port, "/api/config", host="fanin.internal:9000")).status == 200


async def test_a_change_takes_post_json_and_the_same_origin() -> None:
    loaded = Loaded(admin_token=TOKEN)
    async with admin(loaded) as made:
        own, foreign = f"Origin: http://127.0.0.1:{made.port}", "Origin: http://evil.example"
        host = f"127.0.0.1:{made.port}"

        async def change(*lines: str, method: str = "POST") -> int:
            body = "" if method == "GET" else "{}"
            return (await get(made.port, "/api/pause", *lines, method=method, host=host, body=body)).status

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


async def test_every_answer_says_what_a_browser_may_do_with_it_and_none_lets_another_origin_in() -> None:
    async with admin(Loaded(admin_token=TOKEN)) as made:
        origin = "Origin: http://evil.example"
        preflight = "Access-Control-Request-Method: POST"
        found = [
            await get(made.port, "/metrics", origin),
            await get(made.port, "/api/config", origin),
            await get(made.port, "/api/config", ELSEWHERE),
            await get(made.port, "/nowhere"),
            await get(made.port, "/", host="evil.example"),
            await get(made.port, f"/?token={TOKEN}", ELSEWHERE),
            await get(made.port, "/api/pause", origin, preflight, method="OPTIONS"),
        ]
    assert [answer.status for answer in found] == [200, 200, 401, 404, 403, 200, 405]
    for answer in found:
        for name, value in HEADERS.items():
            assert answer.values(name.lower().encode()) == [value.encode()]
        assert not [line for line in answer.lines if line.lower().startswith(b"access-control-")]
    assert found[0].values(b"cache-control") == []
    assert all(answer.values(b"cache-control") == [b"no-store"] for answer in found[1:])
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'self';")


async def test_settings_are_shown_with_their_sources_and_without_secrets() -> None:
    async with admin(Loaded(admin_token=TOKEN, db_uri="postgres://u:hidden@h/d", mode="observe")) as made:
        answer = await get(made.port, "/api/config")
    assert answer.values(b"content-type") == [b"application/json"]
    rows = {row["name"]: row for row in json.loads(answer.body)}
    assert list(rows) == list(declared())
    assert (rows["mode"]["value"], rows["mode"]["source"]) == ("observe", "flag")
    assert b"hidden" not in answer.body
    assert TOKEN.encode() not in answer.body


async def test_metrics_can_be_put_alone_on_a_port_without_pages_and_api() -> None:
    async with admin(Loaded(metrics="127.0.0.1:0")) as made:
        for path in ("/metrics", "/livez", "/readyz"):
            assert (await get(made.metrics_port, path, ELSEWHERE)).status == 200
        for path in ("/", "/api/config", "/api/traces"):
            assert (await get(made.metrics_port, path)).status == 404
            assert (await get(made.metrics_port, path, ELSEWHERE)).status == 403
        assert (await get(made.metrics_port, "/metrics", host="evil.example")).status == 403
        assert made.told == f", admin port {made.port}, metrics port {made.metrics_port}"
    async with admin(Loaded(admin="off", metrics="127.0.0.1:0")) as made:
        assert made.port == 0
        assert (await get(made.metrics_port, "/livez")).status == 200


async def test_an_address_that_is_taken_is_named() -> None:
    async with admin(Loaded()) as made:
        for name in ("admin", "metrics"):
            with pytest.raises(ConfigError, match=rf"^{name}: cannot bind 127\.0\.0\.1:{made.port}: "):
                async with admin(Loaded(**{"admin": "off", name: f"127.0.0.1:{made.port}"})):
                    pass


async def test_ready_is_no_more_while_draining_and_asks_for_upstream_only_when_told_to() -> None:
    async with fanin(f"http://127.0.0.1:{free_port()}") as sidecar:
        made = AdminServer(sidecar, counts, Loaded())
        await made.start()
        try:
            assert (await get(made.port, "/readyz")).body == b"ready\n"
            down = await get(made.port, "/readyz?upstream")
            assert (down.status, down.body) == (503, b"upstream is down\n")
            sidecar.draining = True
            assert (await get(made.port, "/readyz")).body == b"draining\n"
            assert (await get(made.port, "/livez")).status == 200
        finally:
            sidecar.draining = False
            await made.stop()
