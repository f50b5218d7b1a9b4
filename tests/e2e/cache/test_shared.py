"""Answers that all identities share: only where the catalog shows that they do not depend on who asks, and only for
those to whom PostgREST itself has given the same answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.demo.stack import service_token
from proxy.merging.kept.fills import CachedReads
from proxy.merging.kept.shared_answers import SharedAnswers
from proxy.observe.events import Warned
from proxy.path.kept.sharing import DIFFER, UNKNOWN, Sharing
from proxy.settings.loading import load
from proxy.settings.sources import ConfigError
from proxy.upstream.facts import access_reader
from proxy.upstream.state import UpstreamState
from tests.conftest import SECRET
from tests.e2e.support.answer_differences import differences, without_cache_headers
from tests.e2e.support.cached import age_of
from tests.e2e.support.harness import ask, fanin, until
from tests.e2e.support.loops import Watch
from tests.e2e.support.unusual_types import schema_of_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.conftest import Stack
    from tests.e2e.support.harness import RawAnswer

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
TABLES = ("rates", "shown", "own", "members", "hidden", "mine", "computed")
A, B, C = (service_token(SECRET, {"role": "authenticated", "sub": name}) for name in "abc")
SERVICE = service_token(SECRET)
EXPIRED = service_token(SECRET, {"role": "authenticated", "exp": 1})
REFUSED = ["", EXPIRED, "nonsense", A[:-4] + "AAAA"]
RATES = "/rates?select=*&order=id"


@pytest.fixture(scope="module")
def shared(stack: Stack) -> Iterator[Stack]:
    """The tables. What a test changes of them it changes back."""
    with schema_of_file(stack, "shared", "shared") as made:
        yield made


class Readers:
    """Clients with different tokens, each of which PostgREST is asked for too."""

    def __init__(self, sidecar_port: int, direct: str) -> None:
        self._port, self._direct = sidecar_port, direct

    async def get(self, target: str, token: str, *lines: str) -> RawAnswer:
        """The answer through fanin, which is the one that PostgREST gives now."""
        own = (f"Authorization: Bearer {token}",) if token else ()
        head = (f"GET {target} HTTP/1.1", "Host: h", *own, *lines, "")
        request = "".join(f"{line}\r\n" for line in head).encode()
        through, direct = await ask(self._port, request), await ask(self._direct, request)
        assert not differences(direct, without_cache_headers(through))
        return through

    async def get_all(self) -> None:
        """A table that is the same for all and one that is not, by everybody and twice."""
        for target in (RATES, "/own?select=*&order=id"):
            for token in (A, B, *REFUSED) * 2:
                await self.get(target, token)


@asynccontextmanager
async def sharing(stack: Stack, **changes: Any) -> AsyncIterator[tuple[Readers, Watch]]:
    """A fanin in front of the tables, each of which is declared to be the same for all."""
    override = [{"relation": name, "cache": {"shared": True}} for name in TABLES]
    settings = {
        "rules__fan006": "rewrite",
        "cache__fresh": 60.0,
        "headers": "on",
        "db_uri": stack.dsn,
        "catalog__schemas": ["shared"],
        "override": override,
    }
    async with fanin(stack.url, **(settings | changes)) as sidecar:
        await until(lambda: not why_not(Watch(sidecar), "rates"))
        yield Readers(sidecar.port, stack.url), Watch(sidecar)


def why_not(watch: Watch, relation: str) -> str:
    return watch.sidecar.cached.sharing.why_not(f"shared.{relation}", time.monotonic())


def later(watch: Watch, seconds: float) -> None:
    """What is kept is so many seconds older."""
    entries = watch.sidecar.cached.answers._entries
    for key, entry in entries.items():
        entries[key] = type(entry)(
            entry.slice, entry.relation, entry.at - seconds, entry.reading, entry.read, entry.until
        )


async def execute(stack: Stack, statement: str) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("table", ["rates", "shown"])
async def test_each_identity_is_sent_once_and_then_all_share_one_answer(shared: Stack, table: str) -> None:
    target = RATES.replace("rates", table)
    async with sharing(shared) as (readers, watch):
        for token in (A, B, C, SERVICE):
            assert age_of(await readers.get(target, token)) is None
        assert watch.calls == 4
        assert len(watch.sidecar.cached.answers) == 1
        for _ in range(2):
            for token in (A, B, C, SERVICE):
                assert age_of(await readers.get(target, token)) is not None
        later(watch, 61)
        for at, token in enumerate((A, B, C, SERVICE)):
            assert (age_of(await readers.get(target, token)) is None) == (at == 0)
        assert watch.calls == 5


async def test_who_is_refused_by_postgrest_gets_no_shared_answer(shared: Stack) -> None:
    async with sharing(shared) as (readers, _):
        for one in (A, B):
            await readers.get(RATES, one)
        for token in REFUSED * 2:
            assert (await readers.get(RATES, token)).status in (401, 403)
        assert age_of(await readers.get(RATES, B)) is not None


async def test_only_authorization_may_differ(shared: Stack) -> None:
    lines = (
        "Accept: text/csv",
        "Prefer: count=exact",
        "Range: 0-0",
        "apikey: x",
        "Accept-Profile: shared",
        "Cookie: a",
    )
    async with sharing(shared) as (readers, watch):
        for token in (A, B):
            await readers.get(RATES, token)
        for line in lines:
            assert age_of(await readers.get(RATES, B, line)) is None
        assert watch.calls == 2 + len(lines)


async def test_a_relation_that_may_depend_on_who_asks_is_not_shared_and_the_reason_is_said(shared: Stack) -> None:
    reasons = {
        "own": "policy owners depends on the row or on who asks",
        "members": "policy members depends on the row or on who asks",
        "hidden": "no policy shows rows",
        "mine": "it is not a table",
        "computed": "it has computed columns",
    }
    async with sharing(shared) as (readers, watch):
        for table, reason in reasons.items():
            for token in (A, B, SERVICE) * 2:
                await readers.get(f"/{table}?select=*&order=id", token)
            assert reason in why_not(watch, table)
        assert watch.calls == len(watch.sidecar.cached.answers) == 3 * len(reasons)
        said = [event.what for event in watch.of(Warned)]
        assert said == [f"cache.shared has no effect for shared.{table}: {why_not(watch, table)}" for table in reasons]
        assert watch.sidecar.cached.sharing.refused.keys() == {f"shared.{table}" for table in reasons}


async def test_embeds_and_computed_columns_are_not_shared(shared: Stack) -> None:
    async with sharing(shared) as (readers, watch):
        for token in (A, B):
            await readers.get("/rates?select=id::text&order=id", token)
        assert len(watch.sidecar.cached.answers) == 2


async def test_where_two_identities_have_different_answers_each_has_its_own(
    shared: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the catalog would not show it."""
    monkeypatch.setattr(access_reader, "read_refusals", lambda _: {f"shared.{name}": "" for name in TABLES})
    async with sharing(shared) as (readers, watch):
        for _ in range(2):
            for token in (A, B, C):
                rows = json.loads((await readers.get("/own?select=*&order=id", token)).body)
                assert bool(rows) == (token == A)
        assert why_not(watch, "own") == DIFFER
        assert not why_not(watch, "rates")


@pytest.mark.parametrize(
    ("statement", "undo", "status"),
    [
        (
            "revoke select on shared.rates from authenticated",
            "grant select on shared.rates to authenticated",
            403,
        ),
        (
            "alter table shared.rates enable row level security",
            "alter table shared.rates disable row level security",
            200,
        ),
        (
            "create policy own on shared.rates using (rate = 10); alter table shared.rates enable row level security",
            "drop policy own on shared.rates; alter table shared.rates disable row level security",
            200,
        ),
    ],
)
async def test_a_change_of_policies_or_grants_drops_what_is_shared(
    shared: Stack, statement: str, undo: str, status: int
) -> None:
    async with sharing(shared) as (readers, watch):
        for token in (A, B):
            await readers.get(RATES, token)
        causes = watch.sidecar.upstream_state.drop_causes
        drops = causes["access"]
        await execute(shared, statement)
        try:
            await until(lambda: causes["access"] > drops)
            for token in (A, B):
                answer = await readers.get(RATES, token)
                assert (answer.status, age_of(answer)) == (status, None)
        finally:
            await execute(shared, undo)


async def test_what_was_read_longer_than_five_seconds_ago_is_not_relied_on(shared: Stack) -> None:
    async with sharing(shared) as (readers, watch):
        for token in (A, B):
            await readers.get(RATES, token)
        await watch.sidecar.access_reader.stop()
        watch.sidecar.cached.sharing._read -= 6
        assert age_of(await readers.get(RATES, B)) is None


async def test_without_the_relation_in_the_catalog_nothing_is_shared(shared: Stack) -> None:
    async with sharing(shared) as (_, watch):
        assert why_not(watch, "nothing") == UNKNOWN


async def test_a_write_drops_what_is_shared(shared: Stack) -> None:
    async with sharing(shared) as (readers, watch):
        for token in (A, B):
            await readers.get(RATES, token)
        body = b'{"rate":11}'
        head = f"PATCH /rates?id=eq.1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {C}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        assert (await ask(watch.sidecar.port, head.encode() + body)).status == 204
        for token in (A, B):
            assert b'"rate":11' in (await readers.get(RATES, token)).body.replace(b" ", b"")
    await execute(shared, "update shared.rates set rate = 10 where id = 1")


async def test_many_identities_at_once_are_not_mixed(shared: Stack) -> None:
    tokens = [service_token(SECRET, {"role": "authenticated", "sub": str(number)}) for number in range(12)]
    async with sharing(shared) as (readers, watch):
        for _ in range(3):
            await asyncio.gather(*(readers.get(RATES, token) for token in (*tokens, "", EXPIRED)))
        assert len(watch.sidecar.cached.answers) == 1


# Faults.


def everybody_is_admitted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sharing, "is_admitted", lambda *_: True)


def refused_relations_are_shared_and_answers_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sharing, "why_not", lambda *_: "")
    patch.setattr(SharedAnswers, "_differs", lambda *_: False)
    patch.setattr(UpstreamState, "relations_read", lambda *_: frozenset(("shared.own",)))


def own_answers_leave_out_the_token(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CachedReads, "key_of", CachedReads.shared_key_of)


@pytest.mark.parametrize(
    "plant",
    [everybody_is_admitted, refused_relations_are_shared_and_answers_not_compared, own_answers_leave_out_the_token],
    ids=lambda plant: plant.__name__,
)
async def test_a_planted_fault_gives_somebody_what_postgrest_does_not(
    shared: Stack, plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    async with sharing(shared) as (readers, _):
        with pytest.raises(AssertionError):
            await readers.get_all()


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        ({"cache.shared": True, "db_uri": "postgresql://h"}, "is for single relations"),
        ({"override": [{"route": "r", "cache": {"shared": True}}], "db_uri": "postgresql://h"}, "name one"),
        ({"override": [{"relation": "a", "cache": {"shared": True}}]}, "needs db_uri"),
    ],
)
def test_it_is_for_a_relation_with_a_catalog(flags: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        load(flags)
