"""The everyday calls of both Supabase clients: what an application gets is deep-equal with fanin and without."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from hashlib import md5
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from proxy.demo.stack import service_token
from proxy.model import Outcome
from proxy.observe.events import Event, RequestAnswered
from tests.conftest import SECRET
from tests.e2e.support.bursts import statement_counter
from tests.e2e.support.harness import fanin
from tests.e2e.support.script_runner import APPLICATIONS, output_of
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

AUTHORS = [str(UUID(md5(f"author:{n}".encode(), usedforsecurity=False).hexdigest())) for n in (*range(1, 16), 4000)]
TOKENS = {
    "service": service_token(SECRET),
    "ann": service_token(SECRET, {"role": "authenticated", "sub": "ann"}),
    "anon": service_token(SECRET, {"role": "anon"}),
}
Rounds = list[dict[str, dict[str, Any]]]

IN_FLIGHT = 60
"""Calls that are made before the first is awaited, at least."""

FOLDED = {
    "GET author?select=*&id=eq.?",
    "GET author?select=id,name&id=eq.?",
    "GET book?select=title&id=eq.?",
    "GET book?select=id&id=eq.?",
    "GET book?select=title,author(name)&id=eq.?",
    "GET book?select=price&id=eq.?&price=gt.?",
    "GET author?select=name&id=eq.?&limit=?",
    "GET secret?select=words&id=eq.?",
    "GET author?select=born&name=eq.?",
    "GET book?select=id&extra->>pages=eq.?",
    "GET book?select=id,title&author_id=eq.?&order=id.asc",
}
"""Fan-outs that both scripts make, with at most one row a key or in an order without ties."""

STATUS = {
    "single of several": 406,
    "single of none": 406,
    "unknown column": 400,
    "unknown table": 404,
    "unknown function": 404,
    "bad uuid": 400,
    "no such person": 401,
    "a table that is closed": 401,
    "a function that fails": 400,
    "range beyond the end": 416,
    "unique violation": 409,
    "key taken": 409,
    "check violation": 400,
    "a row refused by its policy": 403,
    "a row refused to nobody": 401,
    "insert": 201,
    "update": 204,
    "delete and read": 200,
    "all": 200,
    "head": 200,
}
"""What some calls are there for: a call that is misspelt would be equal too."""


@pytest.fixture(scope="module")
def app(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute(stack.dsn, (APPLICATIONS / "everyday_calls.sql").read_text(encoding="utf-8")))
    with postgrest_with(stack, db_schemas="app") as made:
        yield made


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def rows_written(dsn: str) -> list[list[asyncpg.Record]]:
    """What writes left behind; numbers that the order of arrival gave are left out."""
    connection = await asyncpg.connect(dsn)
    try:
        queries = ("item order by id", "secret order by id")
        found = [list(await connection.fetch(f"select * from app.{query}")) for query in queries]
        return [*found, list(await connection.fetch("select what from app.log order by what"))]
    finally:
        await connection.close()


async def calls_by_supabase_js(url: str) -> Rounds:
    """supabase-js puts /rest/v1 behind the URL itself, or is kept from it."""
    base = url.removesuffix("/rest/v1")
    where = "root" if base == url else "mount"
    found: Rounds = await output_of("everyday_calls.cjs", base, where, json.dumps(AUTHORS), json.dumps(TOKENS))
    return found


async def calls_by_supabase_py(url: str) -> Rounds:
    found: Rounds = await output_of("everyday_calls.py", url, json.dumps(AUTHORS), json.dumps(TOKENS))
    return found


def status_of(outcome: dict[str, Any]) -> int:
    status = outcome["status"]
    return int(status[0] if isinstance(status, list) else status)


@pytest.mark.parametrize("client", [calls_by_supabase_js, calls_by_supabase_py])
async def test_all_everyday_calls_at_once_are_deep_equal_and_fan_outs_fold(
    app: Stack, client: Callable[[str], Awaitable[Rounds]]
) -> None:
    requests: Counter[str] = Counter()
    calls: defaultdict[str, set[int]] = defaultdict(set)
    outcomes: set[Outcome] = set()

    def watch(event: Event) -> None:
        if isinstance(event, RequestAnswered):
            requests[event.span.fingerprint] += 1
            calls[event.span.fingerprint].add(event.span.call)
            outcomes.add(event.span.outcome)

    changes: dict[str, Any] = {"mount": "/rest/v1", "merge__deadline_floor": 10.0, "catalog__schemas": ["app"]}
    async with statement_counter(app.dsn) as counter, fanin(app.url, **changes) as sidecar:
        sidecar._events.subscribe(watch)
        found, left, taken = [], [], []
        for url in (app.url, f"http://127.0.0.1:{sidecar.port}/rest/v1"):
            await execute(app.dsn, "call app.refill()")
            await counter.reset()
            found.append(await client(url))
            taken.append(await counter.statements())
            left.append(await rows_written(app.dsn))
    direct, through = found
    for one, two in zip(direct, through, strict=True):
        assert one.keys() == two.keys()
        for name in one:
            assert two[name] == one[name], name
        if "all" in one:  # not a fan-out on its own
            assert {name: status_of(one[name]) for name in STATUS} == STATUS
    assert len(direct[0]) >= IN_FLIGHT
    assert left[0] == left[1]
    assert not outcomes & {Outcome.FAILED, Outcome.GONE}
    assert taken[1] < taken[0]
    assert set(requests) >= FOLDED
    for fingerprint in FOLDED:
        assert len(calls[fingerprint]) < requests[fingerprint], fingerprint
