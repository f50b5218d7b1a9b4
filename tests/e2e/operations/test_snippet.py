"""`fanin snippet pre-request`: the route and the trace in pg_stat_activity, on PostgreSQL 15 and 18."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import pytest

from proxy.demo.stack import Postgres, PostgREST
from tests import programs
from tests.conftest import SECRET
from tests.e2e.support.bursts import burst, get, sockets
from tests.e2e.support.harness import ask, fanin

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.stack]
FANIN = str(Path(sys.executable).with_name("fanin"))
ICU = programs.HOME / "postgresql" / "bin"
SCHEMA = """
create role anon nologin; create role authenticator login noinherit password '{}'; grant anon to authenticator;
create table keys (id int primary key); insert into keys select generate_series(1, 20);
create view names as
  select k.id, a.application_name as name from keys k, pg_stat_activity a where a.pid = pg_backend_pid();
grant select on names to anon;
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Served(NamedTuple):
    """A PostgREST that calls the function before each request, and the release of its Postgres."""

    url: str
    release: int


@pytest.fixture(scope="module", params=["the demo's", "Debian's"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "Debian's":
            if not (ICU / "postgres").exists():
                pytest.skip("Debian's Postgres is not here; `make test` unpacks it")
            patch.setenv("FANIN_PG_BIN", str(ICU))
        with Postgres() as postgres:
            words = [FANIN, "snippet", "pre-request", "--schema", "Our fanin"]
            printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            release = asyncio.run(prepared(postgres.dsn, printed))
            settings = {"db-pre-request": printed.partition('db-pre-request = "')[2].partition('"')[0]}
            dsn = postgres.dsn_as("authenticator")
            with PostgREST(dsn, secret=SECRET, settings=settings) as postgrest:
                yield Served(postgrest.url, release)


async def prepared(dsn: str, snippet: str) -> int:
    """Run the snippet as it is printed, twice; the release of Postgres."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SCHEMA.format(urlsplit(dsn).password))
        for _ in range(2):
            await connection.execute(snippet)
        return int(connection.get_server_version().major)
    finally:
        await connection.close()


def name_of(body: bytes) -> str:
    (row,) = json.loads(body)
    return str(row["name"])


async def names(port: int, requests: list[bytes]) -> list[str]:
    async with sockets(port, len(requests)) as clients:
        return [name_of(answer.body) for answer in await burst(clients, requests)]


def read(key: int, *lines: str) -> bytes:
    return get(f"/names?select=id,name&id=eq.{key}&order=id", *lines)


def test_both_releases_are_tried(served: Served) -> None:
    assert served.release in (15, 16, 17, 18)


async def test_a_request_has_its_route_and_trace_and_the_connection_its_name_afterwards(served: Served) -> None:
    async with fanin(served.url, trace__forward=True) as sidecar:
        lines = ("X-Fanin-Route: GET /export", f"traceparent: 00-{TRACE}-b7ad6b7169203331-01")
        assert await names(sidecar.port, [read(1, *lines)]) == [f"GET /export trace={TRACE[:16]}"]
        (plain,) = await names(sidecar.port, [read(2)])
        assert plain.lower().startswith("postgrest")
        assert await names(sidecar.port, [read(3, "X-Fanin-Trace: job-7")]) == ["trace=job-7"]


async def test_a_merged_call_says_how_many_requests_it_answers_and_what_they_have_in_common(served: Served) -> None:
    async with fanin(served.url, trace__forward=True, merge__deadline_floor=10.0) as sidecar:
        same = [read(key, "X-Fanin-Route: GET /export", "X-Fanin-Trace: t1") for key in range(1, 13)]
        found = await names(sidecar.port, same)
        merged = [name for name in found if "merged=" in name]
        assert merged
        count = len(merged)
        assert set(merged) == {f"GET /export trace=t1 merged={count}"}
        mixed = [read(key, f"X-Fanin-Route: GET /{key % 2}", "X-Fanin-Trace: t1") for key in range(1, 13)]
        assert any(name.startswith("trace=t1 merged=") for name in await names(sidecar.port, mixed))


async def test_by_default_upstream_is_told_nothing(served: Served) -> None:
    async with fanin(served.url) as sidecar:
        (name,) = await names(sidecar.port, [read(1, "X-Fanin-Route: GET /export", "X-Fanin-Trace: t1")])
        assert name.lower().startswith("postgrest")


@pytest.mark.parametrize("route", ["GET /" + "long/" * 30, "GET /é/日本", "it''s \\ $1 %", " "])
async def test_any_route_is_a_name_and_never_an_error(served: Served, route: str) -> None:
    async with fanin(served.url, trace__forward=True) as sidecar:
        head = read(1, "X-Fanin-Trace: " + "t" * 50).replace(
            b"\r\n\r\n", b"\r\nX-Fanin-Route: " + route.encode() + b"\r\n\r\n"
        )
        answer = await ask(sidecar.port, head)
        assert answer.status == 200
        name = name_of(answer.body)
        assert len(name) <= 63
        assert name.endswith(f"trace={'t' * 16}")


async def test_a_trace_of_any_characters_leaves_room_for_the_rest(served: Served) -> None:
    lines = "X-Fanin-Trace: 日本語トレース番号\r\nX-Fanin-Route: GET /export".encode()
    async with fanin(served.url, trace__forward=True) as sidecar:
        answer = await ask(sidecar.port, read(1).replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n\r\n"))
        assert answer.status == 200
        assert name_of(answer.body) == "GET /export trace=" + 9 * "?"
