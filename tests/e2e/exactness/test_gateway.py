"""Behind a gateway that adds what Supabase's add: the same bytes, and as few statements as before PostgREST itself."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.demo.sidecar import Fanin
from proxy.observe.events import Event, FellBack, UpstreamCalled, Warned
from proxy.postgrest.response.gateway import SUPABASE
from tests.e2e.support.answer_differences import differences
from tests.e2e.support.bursts import burst, get, one_by_one, sockets, statement_counter, together
from tests.e2e.support.harness import RawAnswer, fanin
from tests.e2e.support.nginx_gateway import NEEDS_NGINX, gateway
from tests.e2e.support.sidecar_events import SidecarEvents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack, NEEDS_NGINX]

KEYS, MISSING = 20, 4
OBJECT = "Accept: application/vnd.pgrst.object+json"
PER_REQUEST = (b"sb-request-id", b"cf-ray", b"x-kong-request-id")
FOUND: dict[str, str] = {"mount": "auto", "profile": "auto"}
"""fanin finds out by itself what it is in front of."""


class GatewayStack:
    """PostgREST, the gateway before it, and how to ask for creators."""

    def __init__(self, stack: Stack, url: str, keys: Sequence[str]) -> None:
        self.stack = stack
        self.url = url
        self.keys = keys

    def requests(self, *lines: str, missing: int = 0, token: str = "") -> list[bytes]:
        """A read by key for each creator, and for ``missing`` keys that nobody has."""
        head = ("apikey: anon", f"Authorization: Bearer {token or self.stack.token}", *lines)
        unknown = [f"00000000-0000-4000-8000-{n:012}" for n in range(missing)]
        return [get(f"/rest/v1/creators?select=*&id=eq.{key}", *head) for key in (*self.keys, *unknown)]


async def _keys(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("select id from creators order by 1 limit $1", KEYS)
    finally:
        await connection.close()
    return [str(row[0]) for row in rows]


@pytest.fixture(scope="module")
def keys(stack: Stack) -> list[str]:
    return asyncio.run(_keys(stack.dsn))


@pytest.fixture(scope="module")
def supabase(stack: Stack, keys: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayStack]:
    with gateway(stack.url, tmp_path_factory.mktemp("nginx")) as url:
        yield GatewayStack(stack, url, keys)


def events_of(sidecar: Sidecar) -> list[Event]:
    """What it says from now on."""
    said: list[Event] = []
    sidecar._events.subscribe(said.append)
    return said


async def statements_of_bursts(
    behind: GatewayStack, bursts: Sequence[Sequence[bytes]], base: str = "", **changes: str
) -> tuple[list[int], list[list[RawAnswer]], list[Event]]:
    """Each burst's statements and answers through one fanin, and what it said; every answer is the gateway's own."""
    taken, answers = [], []
    settings = {"merge__deadline_floor": 10.0} | FOUND | changes
    async with (
        statement_counter(behind.stack.dsn) as counter,
        fanin(behind.url + base, **settings) as sidecar,
        sockets(sidecar.port, max(map(len, bursts))) as clients,
    ):
        said = events_of(sidecar)
        for requests in bursts:
            direct = await one_by_one(behind.url, requests)
            await counter.reset()
            through = await burst(clients, requests)
            taken.append(await counter.statements())
            answers.append(through)
            for one, two in zip(direct, through, strict=True):
                assert not (found := differences(one, two, SUPABASE)), "\n".join(found)
    return taken, answers, said


def warnings(said: Sequence[Event]) -> list[str]:
    return [event.what for event in said if isinstance(event, Warned)]


@pytest.mark.parametrize("lines", [(), (OBJECT,), ("Prefer: count=exact",), ("Origin: http://a.example",)], ids=str)
async def test_a_fan_out_takes_one_statement(supabase: GatewayStack, lines: tuple[str, ...]) -> None:
    (taken,), (answers,), said = await statements_of_bursts(supabase, [supabase.requests(*lines)])
    assert taken == 1
    assert not warnings(said)
    assert all(answer.status == 200 for answer in answers)


async def test_the_ids_are_those_of_the_merged_answer_and_its_cookies_are_given_to_nobody(
    supabase: GatewayStack,
) -> None:
    _, (answers,), _ = await statements_of_bursts(supabase, [supabase.requests()])
    for name in PER_REQUEST:
        assert len({answer.values(name)[0] for answer in answers}) == 1, name
    assert all(answer.values(b"alt-svc") == [b'h3=":443"; ma=86400'] for answer in answers)
    assert not any(answer.values(b"set-cookie") for answer in answers)


async def test_a_request_that_goes_alone_gets_its_cookies(supabase: GatewayStack) -> None:
    _, (answers,), _ = await statements_of_bursts(supabase, [supabase.requests()[:1]])
    assert len(answers[0].values(b"set-cookie")) == 2


async def test_a_mount_that_is_named_serves_as_well(supabase: GatewayStack) -> None:
    (taken,), _, _ = await statements_of_bursts(supabase, [supabase.requests()], "/rest/v1", mount="/rest/v1")
    assert taken == 1


@pytest.mark.parametrize("more", [(), ("Accept-Encoding: gzip",)], ids=str)
async def test_a_learnt_406_carries_the_ids_of_the_answer_at_hand(
    supabase: GatewayStack, more: tuple[str, ...]
) -> None:
    requests = supabase.requests(OBJECT, *more, missing=MISSING)
    taken, (first, second), _ = await statements_of_bursts(supabase, [requests, requests])
    assert taken == [1 + MISSING, 1]
    assert {answer.status for answer in second[-MISSING:]} == {406}
    for name in PER_REQUEST:
        (at_hand,) = {answer.values(name)[0] for answer in second}
        assert at_hand not in {answer.values(name)[0] for answer in first}
    assert not any(answer.values(b"set-cookie") for answer in second)


async def test_an_error_that_is_everybodys_is_shared(supabase: GatewayStack) -> None:
    requests = supabase.requests(token="eyJhbGciOiJIUzI1NiJ9.e30.AAAA")
    (taken,), (answers,), said = await statements_of_bursts(supabase, [requests])
    assert taken == 0
    assert {answer.status for answer in answers} == {401}
    assert len([event for event in said if isinstance(event, UpstreamCalled)]) == 1
    assert len({answer.values(b"cf-ray")[0] for answer in answers}) == 1
    assert not any(answer.values(b"set-cookie") for answer in answers)


def unzipped(answer: RawAnswer) -> RawAnswer:
    """The answer as it would have come to who accepts no gzip."""
    assert answer.values(b"content-encoding") == [b"gzip"]
    lines = [answer.status_line, *(line for line in answer.lines if line != b"Content-Encoding: gzip"), b"", b""]
    return RawAnswer(b"\r\n".join(lines), gzip.decompress(answer.body))


async def test_who_accepts_gzip_gets_a_merged_answer_without_it_and_its_own_with_it(supabase: GatewayStack) -> None:
    requests = supabase.requests("Accept-Encoding: gzip")
    direct = await one_by_one(supabase.url, requests)
    async with (
        statement_counter(supabase.stack.dsn) as counter,
        fanin(supabase.url, merge__deadline_floor=10.0, **FOUND) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        await counter.reset()
        through = await burst(clients, requests)
        assert await counter.statements() == 1
        (alone,) = await burst(clients, requests[:1])
    assert not differences(direct[0], alone, SUPABASE)
    for one, two in zip(direct, through, strict=True):
        assert not (found := differences(unzipped(one), two, SUPABASE)), "\n".join(found)


# What discards.


async def assert_discarded(behind: GatewayStack, header: str, base: str = "", **changes: str) -> list[Event]:
    """One merged call is made in vain, everybody is served alone, and a line names the header."""
    (taken,), _, said = await statements_of_bursts(behind, [behind.requests()], base, **changes)
    assert taken == 1 + len(behind.keys)
    assert [event.detail for event in said if isinstance(event, FellBack)] == [header]
    assert [what.rpartition(" ")[2] for what in warnings(said)] == [header]
    return said


async def test_a_cookie_that_the_profile_does_not_name_discards(stack: Stack, keys: list[str], tmp_path: Path) -> None:
    with gateway(stack.url, tmp_path, more='add_header Set-Cookie "session=1; path=/" always;') as url:
        await assert_discarded(GatewayStack(stack, url, keys), "set-cookie")


async def test_a_gateway_that_compresses_whatever_it_is_asked_discards(
    stack: Stack, keys: list[str], tmp_path: Path
) -> None:
    with gateway(stack.url, tmp_path, encoding="gzip") as url:
        await assert_discarded(GatewayStack(stack, url, keys), "content-encoding")


async def test_a_header_that_no_gateway_owns_discards(stack: Stack, keys: list[str], tmp_path: Path) -> None:
    with gateway(stack.url, tmp_path, more="add_header X-Frame-Options DENY always;") as url:
        await assert_discarded(GatewayStack(stack, url, keys), "x-frame-options")


async def test_under_the_profile_postgrest_all_of_it_discards_and_the_remedy_is_the_profile(
    supabase: GatewayStack,
) -> None:
    said = await assert_discarded(
        supabase, "x-kong-upstream-latency", "/rest/v1", mount="/rest/v1", profile="postgrest"
    )
    (remedy,) = [event.remedy for event in said if isinstance(event, Warned)]
    assert "--profile supabase" in remedy


def test_the_start_line_says_what_was_found(supabase: GatewayStack) -> None:
    with Fanin(supabase.url) as found:
        assert "mount /rest/v1, profile supabase, mode rewrite" in found.printed()
    with Fanin(supabase.stack.url) as found:
        assert "mount /, profile postgrest, mode rewrite" in found.printed()


@pytest.mark.parametrize(
    ("changes", "lines", "result"),
    [
        ({"mode": "shadow"}, (), "match"),
        ({"mode": "shadow"}, ("Accept-Encoding: gzip",), "skipped"),
        ({"shadow__share": 1.0, "shadow__answers": KEYS}, (), "match"),
        ({"shadow__share": 1.0, "shadow__answers": KEYS}, ("Accept-Encoding: gzip",), "match"),
    ],
    ids=str,
)
async def test_what_the_gateway_adds_is_no_difference_to_a_comparison(
    supabase: GatewayStack, changes: dict[str, object], lines: tuple[str, ...], result: str
) -> None:
    settings = FOUND | {"merge__deadline_floor": 10.0, "shadow__wait": 10.0} | changes
    async with fanin(supabase.url, **settings) as sidecar:
        watch = SidecarEvents(sidecar)
        await together(sidecar.port, supabase.requests(*lines))
        await watch.wait_until_idle()
    assert set(watch.comparisons()) == {result}
    assert watch.comparisons()[result] > KEYS / 2
    assert not watch.warnings()
