"""What upstream gets of a request's head is part of its identity, unless the operator named it neutral."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.harness import RawClient, fanin
from tests.e2e.support.sidecar_events import SidecarEvents

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SETTINGS: dict[str, object] = {"merge__deadline_floor": 10.0, "merge__linger": 0.05, "merge__max_wait": 0.05}


def hosted(lines: tuple[str, str], count: int = 20) -> list[bytes]:
    """Reads of rows of two tenants, or with two values of one header, in turn."""
    requests = []
    for n in range(1, count + 1):
        line = lines[n % 2]
        request = get(f"/num?select=id,heard&id=eq.{n}", line)
        requests.append(request.replace(b"Host: h\r\n", b"", 1) if line.startswith("Host") else request)
    return requests


@pytest.mark.parametrize(
    ("lines", "settings", "calls"),
    [
        (("Host: a.example", "Host: b.example"), {"upstream_host": "client"}, 2),
        (("X-Job: 1", "X-Job: 2"), {"trace__headers": ["x-job"], "upstream_host": "client"}, 2),
        (("X-Request-Id: 1", "X-Request-Id: 2"), {"upstream_host": "client"}, 2),
        (("X-Fanin-Trace: 1", "X-Fanin-Trace: 2"), {"upstream_host": "client"}, 1),
    ],
    ids=["host", "own trace header", "other header", "fanin's trace header"],
)
async def test_nobody_gets_the_answer_for_anothers_head(
    unusual: Stack, lines: tuple[str, str], settings: dict[str, object], calls: int
) -> None:
    requests = hosted(lines)
    direct = await one_by_one(unusual.url, requests)
    async with fanin(unusual.url, **SETTINGS, **settings) as sidecar:
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, direct, await together(sidecar.port, requests))
        assert seen.calls_by_kind()["merged"] == calls


async def test_the_operator_may_name_a_host_neutral(unusual: Stack) -> None:
    requests = [
        get(f"/num?select=id&id=eq.{n}").replace(b"Host: h", b"Host: %d.example" % (n % 2)) for n in range(1, 21)
    ]
    direct = await one_by_one(unusual.url, requests)
    neutral = {"upstream_host": "client", "identity__also_neutral": ["Host"]}
    for settings in (neutral, {"upstream_host": "upstream"}):
        async with fanin(unusual.url, **SETTINGS, **settings) as sidecar:
            seen = SidecarEvents(sidecar)
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            assert seen.calls_by_kind()["merged"] == 1


async def test_with_forwarded_append_each_client_is_answered_for_its_own_address(unusual: Stack) -> None:
    sources = ["127.0.0.1", "127.0.0.2"]
    async with fanin(unusual.url, **SETTINGS, forwarded="append") as sidecar:
        seen = SidecarEvents(sidecar)

        async def heard(n: int) -> tuple[str, bytes]:
            source = sources[n % 2]
            async with RawClient(sidecar.port, source=source) as client:
                await client.send(get(f"/num?select=id,heard&id=eq.{n}"))
                return source, (await client.answer()).body

        for source, body in await asyncio.gather(*map(heard, range(1, 41))):
            assert source.encode() in body
        assert seen.calls_by_kind()["merged"] >= 2


async def test_behind_a_mount_sql_sees_the_path_that_it_sees_alone(unusual: Stack) -> None:
    plain = [get(f"/num?select=id,asked&id=eq.{n}") for n in range(1, 21)]
    mounted = [request.replace(b"GET /", b"GET /rest/v1/") for request in plain]
    direct = await one_by_one(unusual.url, plain)
    async with fanin(unusual.url, **SETTINGS, mount="/rest/v1") as sidecar:
        seen = SidecarEvents(sidecar)
        assert_all_same(mounted, direct, await together(sidecar.port, mounted))
        assert seen.calls_by_kind()["merged"] == 1
