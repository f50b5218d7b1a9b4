"""fanin against PostgREST alone on random bursts; and faults planted on purpose, which this must find."""

from __future__ import annotations

import asyncio
import os
import secrets
from copy import copy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from proxy.model import Member, Merged, Miss, Outcome
from proxy.path import identity, singular
from proxy.path import plan as planning
from proxy.path import split as splitting
from proxy.path.evidence import RowEvidence
from proxy.path.fingerprint import read_query
from proxy.path.singular import Template
from proxy.postgrest.answers import READ_HEADERS
from proxy.shell.merger import Merger
from proxy.shell.seats import Served
from proxy.shell.sharing import Sharing
from tests.e2e.bursts import get
from tests.e2e.differential import compare
from tests.e2e.odd import another, odd_tables
from tests.e2e.queries import CALLERS, bursts
from tests.e2e.writes import read_around_a_write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.http1.head import Field
    from proxy.postgrest.gateway import Gateway
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
REQUESTS = int(os.environ.get("DIFFERENTIAL_REQUESTS", "5000"))
SEED = int(os.environ.get("DIFFERENTIAL_SEED", "0")) or secrets.randbelow(10**9)
"""Another one in each run; a failure prints it, and DIFFERENTIAL_SEED repeats it."""


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        yield made


async def test_every_answer_is_the_one_that_postgrest_gives_alone(odd: Stack) -> None:
    report = await compare(odd.url, SEED, bursts(SEED, REQUESTS))
    print(report)
    assert not report.faults, str(report)
    assert report.merged + report.shared >= 0.5 * report.requests, str(report)
    assert report.merged >= 0.35 * report.requests, str(report)
    assert report.shared >= 0.03 * report.requests, str(report)
    assert report.calls < 0.9 * report.direct, str(report)


@pytest.mark.parametrize("max_rows", [3, 7])
async def test_and_where_max_rows_cuts(odd: Stack, max_rows: int) -> None:
    with another(odd, db_max_rows=str(max_rows)) as cut:
        report = await compare(cut.url, SEED, bursts(SEED, REQUESTS // 5))
    print(report)
    assert not report.faults, str(report)


# Planted faults.

Patch = pytest.MonkeyPatch


def hidden_alias_left_in(patch: Patch) -> None:
    original = splitting.rows_by_key

    def shown(row: splitting.Row, key: bytes, alias: bytes) -> splitting.Row:
        return row._replace(data=b'{"' + alias + b'":"' + key + b'",' + row.data[1:])

    def rows_by_key(body: bytes, alias: bytes, separator: bytes, carried: int) -> Any:
        rows = original(body, alias, separator, carried)
        if isinstance(rows, dict):
            return {key: [shown(row, key, alias) for row in own] for key, own in rows.items()}
        return rows

    patch.setattr(splitting, "rows_by_key", rows_by_key)


def identity_without(patch: Patch, name: bytes) -> None:
    def read_head(*arguments: Any) -> Any:
        head = identity.read_head(*arguments)
        lines = [line for line in head.identity.split(b"\r\n") if not line.lower().startswith(name)]
        kept = b"\r\n".join(lines)
        return msgspec.structs.replace(head, identity=kept, same=kept, who=kept)

    patch.setattr("proxy.shell.heads.read_head", read_head)


def identity_without_cookie(patch: Patch) -> None:
    identity_without(patch, b"cookie")


def identity_without_authorization(patch: Patch) -> None:
    identity_without(patch, b"authorization")


def content_location_shared_by_all(patch: Patch) -> None:
    original = splitting._share

    def share(frame: Any, path: bytes, location: Any, literal: bytes, rows: Any) -> Any:
        return original(frame, path, location, b"eq.1", rows)

    patch.setattr(splitting, "_share", share)


def content_range_shared_by_all(patch: Patch) -> None:
    original = splitting._share

    def share(frame: Any, path: bytes, location: Any, literal: bytes, rows: Any) -> Any:
        made = original(frame, path, location, literal, rows)
        return msgspec.structs.replace(made, head=made.head.replace(b"Content-Range: */*", b"Content-Range: 0-0/*"))

    patch.setattr(splitting, "_share", share)


def char_guard_removed(patch: Patch) -> None:
    patch.setattr(splitting, "_could_be_char", lambda *_: False)


def equal_literals_together(patch: Patch) -> None:
    patch.setattr(planning._Mould, "_fold", lambda _, literal: literal)


def unsorted_ties_accepted(patch: Patch) -> None:
    patch.setattr(splitting, "_are_ordered", lambda *_: True)


def rows_beyond_max_rows_accepted(patch: Patch) -> None:
    patch.setattr(RowEvidence, "proves", lambda *_: True)


def our_count_shown(patch: Patch) -> None:
    patch.setattr(splitting, "without_count", lambda applied: applied)


def unknown_headers_copied(patch: Patch) -> None:
    patch.setattr(splitting, "READ_HEADERS", READ_HEADERS | {b"x-film"})


def a_made_up_406(patch: Patch) -> None:
    original = Template.fill
    patch.setattr(Template, "fill", lambda self, _: original(self, Miss({b"date": b"Date: now\r\n"}, b"", 7)))


def last_content_type_dropped(patch: Patch) -> None:
    original = singular.read_template

    def read_template(line: bytes, fields: tuple[Field, ...], body: bytes, gateway: Gateway) -> Any:
        last = max(at for at, field in enumerate(fields) if field.name == b"content-type")
        return original(line, fields[:last] + fields[last + 1 :], body, gateway)

    patch.setattr("proxy.shell.lessons.read_template", read_template)


OBJECTS = [get(f"/num?id=eq.{n}", "Accept: application/vnd.pgrst.object+json") for n in range(995, 1010)] * 2
NUMBERS = [get(f"/num?id=eq.{n}") for n in range(1, 21)]
FAULTS = [
    (hidden_alias_left_in, NUMBERS),
    (identity_without_cookie, [get(f"/mine?id=eq.{n}", *CALLERS[3 + n % 2]) for n in range(1, 21)]),
    (identity_without_authorization, [get(f"/mine?id=eq.{n}", *CALLERS[5 + n % 2]) for n in range(1, 21)]),
    (content_location_shared_by_all, NUMBERS),
    (content_range_shared_by_all, [get(f"/num?id=eq.{n}") for n in range(995, 1010)]),
    (char_guard_removed, [get(f"/chr?k=eq.{k}") for k in ("1", "12", "17")]),
    (equal_literals_together, [get(f"/sign?k=eq.{k}") for k in ("3", "-3", "7")]),
    (unsorted_ties_accepted, [get(f"/msg?room=eq.{n}&select=id") for n in range(1, 21)]),
    (our_count_shown, NUMBERS),
    (a_made_up_406, OBJECTS),
    (last_content_type_dropped, OBJECTS),
    (unknown_headers_copied, [get(f"/num?id=eq.{n}&select=id,noisy") for n in range(1, 9)]),
]


@pytest.mark.parametrize(("plant", "requests"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
async def test_a_planted_fault_is_found(
    odd: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any, requests: list[bytes]
) -> None:
    sound = await compare(odd.url, 0, iter([requests, requests]))
    assert not sound.faults, str(sound)
    plant(monkeypatch)
    assert (await compare(odd.url, 0, iter([requests, requests]))).faults


async def test_an_identity_that_is_too_wide_is_found_where_equal_reads_share(
    odd: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [get("/mine?id=gt.5&order=id&offset=1", *CALLERS[3 + n % 2]) for n in range(6)]
    assert not (await compare(odd.url, 0, iter([requests, requests]))).faults
    identity_without_cookie(monkeypatch)
    assert (await compare(odd.url, 0, iter([requests, requests]))).faults


async def test_rows_cut_at_max_rows_and_accepted_are_found(odd: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with another(odd, db_max_rows="3") as cut:
        requests = [get(f"/num?id=eq.{n}") for n in range(10, 31)]
        assert not (await compare(cut.url, 0, iter([requests, requests]))).faults
        rows_beyond_max_rows_accepted(monkeypatch)
        assert (await compare(cut.url, 0, iter([requests, requests]))).faults


def joined_in_flight(patch: Patch) -> None:
    """An equal read shares the call that is under way."""
    flights: dict[bytes, asyncio.Task[Any]] = {}

    async def ask(self: Merger, member: Member) -> Served:
        target, head = member.query.target, member.head
        other = Member(read_query(b"GET", target + b"0", head, b"", 9000), head, 0.0)
        (call,) = planning.plan([member, other], self.alias, planning.Bounds(9, 9000))
        assert isinstance(call, Merged)
        if target not in flights:
            flights[target] = asyncio.create_task(self._fetcher.fetch(call, self.alias, lambda: None))
        found = await flights[target]
        return Served(found[member.query.keys[0].value], 1, 2, Outcome.MERGED, 0.0)

    patch.setattr(Merger, "ask", ask)


def shared_in_flight(patch: Patch) -> None:
    """The same for reads that cannot be merged."""
    flights: dict[bytes, asyncio.Future[Any]] = {}
    original = Sharing.ask

    async def ask(self: Sharing, member: Member, reason: str | None) -> Any:
        target = member.query.target
        if target not in flights:
            flights[target] = asyncio.gather(*[original(self, one, reason) for one in (member, copy(member))])
        return (await flights[target])[0]

    patch.setattr(Sharing, "ask", ask)


async def test_a_shared_call_joined_in_flight_is_found(odd: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    shared_in_flight(monkeypatch)
    before, after = await read_around_a_write(odd, 8, "&offset=0")
    assert before.body == after.body, "the second read is answered from before the write: what law 3 forbids"


async def test_a_call_joined_in_flight_is_found(odd: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    joined_in_flight(monkeypatch)
    before, after = await read_around_a_write(odd, 6)
    assert before.body == after.body, "the second read is answered from before the write: what law 3 forbids"


@pytest.mark.parametrize("plant", [hidden_alias_left_in, content_location_shared_by_all])
async def test_random_bursts_find_faults_that_concern_every_query(
    odd: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    plant(monkeypatch)
    assert (await compare(odd.url, SEED, bursts(SEED, REQUESTS // 4), enough=1)).faults
