"""What upstream is: told by settings, known by its name, or asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from proxy.observe.events import Event, Events, Warned
from proxy.postgrest.response.gateway import POSTGREST, SUPABASE
from proxy.settings.sources import ConfigError
from proxy.upstream.client import Upstream
from proxy.upstream.discovery import Discovered, discover, known_mount
from tests.e2e.harness import ScriptedUpstream, Talk, free_port, settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ON_SUPABASE = Discovered("/rest/v1", b"/rest/v1", SUPABASE)
PROJECT = "https://abc.supabase.co"
NEVER = "http://192.0.2.1:9"
"""Of a network that leads nowhere: whoever asks it fails the test by its warning."""


async def found(upstream: str, **changes: Any) -> tuple[Discovered, list[Event]]:
    said: list[Event] = []
    events = Events()
    events.subscribe(said.append)
    wanted = settings(upstream, **{"mount": "auto", "profile": "auto", "timeouts__connect": 0.2} | changes)
    way = Upstream(wanted, time.monotonic)
    try:
        return await discover(wanted, way, events), said
    finally:
        way.close()


def serving(*paths: bytes, status: bytes = b"200 OK", server: bytes = b"postgrest/12.0.2") -> Callable[..., Any]:
    """A script: these paths are answered so, any other is not found."""

    async def script(talk: Talk) -> None:
        while (request := await talk.request()) is not None:
            there = request.split(b" ")[1] in paths
            line = b"HTTP/1.1 " + (status if there else b"404 Not Found")
            await talk.send(line + b"\r\nServer: " + (server if there else b"kong") + b"\r\nContent-Length: 0\r\n\r\n")

    return script


@pytest.mark.parametrize(
    ("upstream", "changes", "place"),
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
async def test_what_was_told_or_is_known_by_its_name_is_not_asked(
    upstream: str, changes: dict[str, str], place: Discovered
) -> None:
    assert await found(upstream, **changes) == (place, [])


@pytest.mark.parametrize(
    ("script", "base", "mount", "place"),
    [
        (serving(b"/"), "", "auto", Discovered("/", b"", POSTGREST)),
        (serving(b"/rest/v1/"), "", "auto", ON_SUPABASE),
        (serving(b"/rest/v1/", status=b"401 Unauthorized", server=b"kong"), "", "auto", ON_SUPABASE),
        (serving(b"/rest/v1/"), "/rest/v1", "/rest/v1", ON_SUPABASE),
        (serving(b"/rest/v1/"), "/rest/v1", "auto", Discovered("/", b"/rest/v1", SUPABASE)),
        (serving(b"/api/"), "/api", "auto", Discovered("/", b"/api", POSTGREST)),
        (serving(), "", "/m", Discovered("/m", b"", POSTGREST)),
    ],
)
async def test_else_upstream_is_asked(
    script: Callable[[Talk], Awaitable[None]], base: str, mount: str, place: Discovered
) -> None:
    async with ScriptedUpstream(script) as upstream:
        assert await found(upstream.url + base, mount=mount) == (place, [])
        assert all(request.startswith(b"HEAD /") for request in upstream.requests)
        assert len(upstream.requests) <= 2


async def silent(talk: Talk) -> None:
    await talk.request()
    await talk.gone()


async def test_an_upstream_that_does_not_answer_is_taken_for_postgrest_and_told() -> None:
    async with ScriptedUpstream(silent) as upstream:
        place, (warning,) = await found(upstream.url)
    assert place == Discovered("/", b"", POSTGREST)
    assert isinstance(warning, Warned)
    assert "--profile" in warning.remedy


async def test_so_is_one_that_is_not_there() -> None:
    place, (warning,) = await found(f"http://127.0.0.1:{free_port()}", mount="/m")
    assert place == Discovered("/m", b"", POSTGREST)
    assert isinstance(warning, Warned)
    assert "asked" in warning.what


async def test_a_mount_begins_with_a_slash() -> None:
    with pytest.raises(ConfigError, match="mount: 'rest/v1' must begin with '/'"):
        await found(NEVER, mount="rest/v1", profile="postgrest")


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
def test_the_mount_is_known_without_asking_where_settings_tell_it(
    upstream: str, changes: dict[str, str], mount: str | None
) -> None:
    assert known_mount(settings(upstream, **{"mount": "auto", "profile": "auto"} | changes)) == mount
