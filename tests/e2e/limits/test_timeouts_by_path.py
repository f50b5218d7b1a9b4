"""Each kind of path has its own time to answer: relations, functions, paths outside the mount, upgrades."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import TIMEOUT, ScriptedUpstream, ask, fanin

if TYPE_CHECKING:
    from tests.e2e.support.harness import ScriptedConnection

pytestmark = pytest.mark.e2e

HEADS = ("upstream_head", "rpc_head", "outside_head", "upgrade_head")
UPGRADE = "Connection: upgrade\r\nUpgrade: websocket\r\n"
PATHS = {
    "upstream_head": ("GET /rest/v1/t HTTP/1.1\r\n", ""),
    "rpc_head": ("GET /rest/v1/rpc/f HTTP/1.1\r\n", ""),
    "outside_head": ("GET /functions/v1/f HTTP/1.1\r\n", ""),
    "upgrade_head": ("GET /realtime/v1/websocket HTTP/1.1\r\n", UPGRADE),
}
UPLOAD = "/storage/v1/upload/resumable"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun"


async def silent(connection: ScriptedConnection) -> None:
    while await connection.request() is not None:
        await connection.gone()


def request(name: str, method: str = "GET") -> bytes:
    line, more = PATHS[name]
    return (line.replace("GET", method) + "Host: h\r\n" + (more or "Connection: close\r\n") + "\r\n").encode()


def times(name: str) -> dict[str, float]:
    """A short time for ``name``, and one that is longer than the test for all others."""
    names = (*HEADS, "upstream_idle", "outside_idle")
    return {f"timeouts__{other}": 0.05 if other == name else 10 * TIMEOUT for other in names}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_head_that_does_not_come_is_a_504_that_names_the_setting(name: str, method: str) -> None:
    if method == "POST" and name == "upgrade_head":
        return  # only GET is upgraded
    async with (
        ScriptedUpstream(silent) as upstream,
        asyncio.timeout(TIMEOUT),
        fanin(upstream.url, mount="/rest/v1", **times(name)) as sidecar,
    ):
        answer = await ask(sidecar.port, request(name, method))
    assert answer.status == 504
    assert json.loads(answer.body)["details"] == f"no answer for timeouts.{name}"


@pytest.mark.parametrize(("name", "path"), [("upstream_idle", "upstream_head"), ("outside_idle", "outside_head")])
async def test_a_body_that_stops_is_cut_after_the_time_of_its_path(name: str, path: str) -> None:
    async def stops(connection: ScriptedConnection) -> None:
        while await connection.request() is not None:
            await connection.send(BEGUN)
            await connection.gone()

    async with (
        ScriptedUpstream(stops) as upstream,
        asyncio.timeout(TIMEOUT),
        fanin(upstream.url, mount="/rest/v1", **times(name)) as sidecar,
    ):
        answer = await ask(sidecar.port, request(path))
    assert answer.status == 200
    assert not answer.complete
    assert answer.body == b"begun"


async def test_a_shared_call_of_a_function_has_the_time_of_functions() -> None:
    flags = {"rules__duplicate_read__rpc": ["f"], **times("rpc_head")}
    async with (
        ScriptedUpstream(silent) as upstream,
        asyncio.timeout(TIMEOUT),
        fanin(upstream.url, mount="/rest/v1", **flags) as sidecar,
    ):
        answers = await asyncio.gather(*[ask(sidecar.port, request("rpc_head")) for _ in range(3)])
    assert {json.loads(answer.body)["details"] for answer in answers} == {"no answer for timeouts.rpc_head"}


# Location.


@pytest.mark.parametrize(
    ("host", "path", "location", "expected"),
    [
        ("upstream", UPLOAD, "http://{own}/storage/v1/upload/resumable/a?b=c", UPLOAD + "/a?b=c"),
        ("upstream", UPLOAD, "http://other.example/a", "http://other.example/a"),
        ("client", UPLOAD, "http://{own}/a", "http://{own}/a"),
        ("upstream", "/rest/v1/t", "http://{own}/a", "http://{own}/a"),
    ],
    ids=str,
)
async def test_a_location_outside_the_mount_leads_through_fanin_where_upstream_sees_its_own_name(
    host: str, path: str, location: str, expected: str
) -> None:
    async def creates(connection: ScriptedConnection) -> None:
        while (asked := await connection.request()) is not None:
            own = asked.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0]
            value = location.encode().replace(b"{own}", own)
            await connection.send(b"HTTP/1.1 201 Created\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % value)

    async with (
        ScriptedUpstream(creates) as upstream,
        asyncio.timeout(TIMEOUT),
        fanin(upstream.url, mount="/rest/v1", upstream_host=host) as sidecar,
    ):
        head = f"POST {path} HTTP/1.1\r\nHost: fanin.example\r\nTus-Resumable: 1.0.0\r\nContent-Length: 0\r\n\r\n"
        answer = await ask(sidecar.port, head.encode())
    own = "fanin.example" if host == "client" else upstream.url.removeprefix("http://")
    assert answer.values(b"location") == [expected.replace("{own}", own).encode()]
