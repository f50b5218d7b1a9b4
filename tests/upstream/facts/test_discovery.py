"""Discovery: what upstream is, by settings, by its host name, or by asking it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from proxy.postgrest.response.gateway import POSTGREST, SUPABASE
from proxy.settings.sources import ConfigError
from proxy.upstream.client import Upstream
from proxy.upstream.facts.discovery import Discovered, discover, failed_discovery, known_mount
from tests.e2e.support.harness import ScriptedConnection, ScriptedUpstream, free_port, settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ON_SUPABASE = Discovered("/rest/v1", b"/rest/v1", SUPABASE)
PROJECT = "https://abc.supabase.co"
NEVER = "http://192.0.2.1:9"
"""An address that nobody answers: a call to it would emit a warning, which fails the test."""


async def discovered(upstream: str, **changes: Any) -> Discovered:
    used = settings(upstream, **{"mount": "auto", "profile": "auto", "timeouts__connect": 0.2} | changes)
    client = Upstream(used, time.monotonic)
    try:
        return await discover(used, client)
    finally:
        client.close()


def serving(*paths: bytes, status: bytes = b"200 OK", server: bytes = b"postgrest/12.0.2") -> Callable[..., Any]:
    """A script that answers these paths with ``status``, and any other with 404."""

    async def script(talk: ScriptedConnection) -> None:
        while (request := await talk.request()) is not None:
            exists = request.split(b" ")[1] in paths
            line = b"HTTP/1.1 " + (status if exists else b"404 Not Found")
            await talk.send(line + b"\r\nServer: " + (server if exists else b"kong") + b"\r\nContent-Length: 0\r\n\r\n")

    return script


@pytest.mark.parametrize(
    ("upstream", "changes", "expected"),
    [
        (PROJECT, {}, ON_SUPABASE),
        (PROJECT, {"mount": "/api"}, Discovered("/api", b"", SUPABASE)),
        (PROJECT + "/rest/v1", {}, ON_SUPABASE),
        (PROJECT, {"profile": "postgrest"}, Discovered("/rest/v1", b"/rest/v1", POSTGREST)),
        (NEVER, {"profile": "postgrest"}, Discovered("/", b"", POSTGREST)),
        (NEVER, {"profile": "supabase"}, ON_SUPABASE),
        (NEVER, {"profile": "supabase", "mount": "/"}, Discovered("/", b"", SUPABASE)),
        (NEVER + "/base", {"profile": "supabase", "mount": "/m"}, Discovered("/m", b"/base", SUPABASE)),
    ],
)
async def test_upstream_is_not_asked_if_settings_or_its_host_name_decide(
    upstream: str, changes: dict[str, str], expected: Discovered
) -> None:
    assert await discovered(upstream, **changes) == expected


@pytest.mark.parametrize(
    ("script", "base", "mount", "expected"),
    [
        (serving(b"/"), "", "auto", Discovered("/", b"", POSTGREST)),
        (serving(b"/rest/v1/"), "", "auto", ON_SUPABASE),
        (serving(b"/rest/v1/", status=b"401 Unauthorized", server=b"kong"), "", "auto", ON_SUPABASE),
        (serving(b"/rest/v1/"), "/rest/v1", "/rest/v1", ON_SUPABASE),
        (serving(b"/rest/v1/"), "/rest/v1", "auto", Discovered("/", b"/rest/v1", SUPABASE)),
        (serving(b"/api/"), "/api", "auto", Discovered("/", b"/api", POSTGREST, is_certain=False)),
        (serving(), "", "/m", Discovered("/m", b"", POSTGREST, is_certain=False)),
    ],
)
async def test_otherwise_upstream_is_asked(
    script: Callable[[ScriptedConnection], Awaitable[None]], base: str, mount: str, expected: Discovered
) -> None:
    async with ScriptedUpstream(script) as upstream:
        assert await discovered(upstream.url + base, mount=mount) == expected
        assert all(request.startswith(b"HEAD /") for request in upstream.requests)
        assert len(upstream.requests) <= 2


async def silent(talk: ScriptedConnection) -> None:
    await talk.request()
    await talk.gone()


def assumed(found: Discovered, code: str, mount: str = "/") -> bool:
    """Whether a PostgREST without a gateway was assumed, because of ``code``."""
    assert found.failure is not None
    warning = failed_discovery(found.failure)
    assert found.failure.fault.message in warning.what
    assert "--profile" in warning.remedy
    return (found.mount, found.base, found.gateway, found.failure.fault.code) == (mount, b"", POSTGREST, code)


async def test_an_upstream_that_does_not_answer_is_taken_for_a_postgrest() -> None:
    async with ScriptedUpstream(silent) as upstream:
        assert assumed(await discovered(upstream.url), "FANIN504")


async def test_an_upstream_that_is_unreachable_is_taken_for_a_postgrest() -> None:
    assert assumed(await discovered(f"http://127.0.0.1:{free_port()}", mount="/m"), "FANIN501", "/m")


@pytest.mark.parametrize("status", [b"502 Bad Gateway", b"503 Service Unavailable", b"504 Gateway Timeout"])
@pytest.mark.parametrize("path", [b"/", b"/rest/v1/"])
async def test_a_gateway_that_cannot_reach_postgrest_yet_decides_nothing(status: bytes, path: bytes) -> None:
    async with ScriptedUpstream(serving(path, status=status, server=b"kong")) as upstream:
        assert assumed(await discovered(upstream.url), "FANIN502")


async def test_a_postgrest_without_a_database_is_still_one() -> None:
    async with ScriptedUpstream(serving(b"/", status=b"503 Service Unavailable")) as upstream:
        assert await discovered(upstream.url) == Discovered("/", b"", POSTGREST)


async def test_a_mount_must_begin_with_a_slash() -> None:
    with pytest.raises(ConfigError, match="mount: 'rest/v1' must begin with '/'"):
        await discovered(NEVER, mount="rest/v1", profile="postgrest")


@pytest.mark.parametrize(
    ("upstream", "changes", "mount"),
    [
        (NEVER, {}, None),
        (NEVER, {"profile": "postgrest"}, "/"),
        (NEVER, {"profile": "supabase"}, "/rest/v1"),
        (NEVER, {"mount": "/api"}, "/api"),
        (PROJECT, {}, "/rest/v1"),
        (PROJECT, {"mount": "/"}, "/"),
    ],
)
def test_the_mount_is_known_without_asking_if_settings_or_the_host_name_decide(
    upstream: str, changes: dict[str, str], mount: str | None
) -> None:
    assert known_mount(settings(upstream, **{"mount": "auto", "profile": "auto"} | changes)) == mount
