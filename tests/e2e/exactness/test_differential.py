"""fanin against PostgREST alone on random bursts; and faults planted on purpose, which this must find."""

from __future__ import annotations

import asyncio
import random
from copy import copy
from typing import TYPE_CHECKING, Any

import pytest

from proxy.merging.coalescer import Coalescer
from proxy.merging.merger import Merger
from proxy.merging.waiters import BufferedAnswer
from proxy.model import MergedCall, Outcome, PendingRequest
from proxy.path.batches import plan as planning
from proxy.path.reading.fingerprint import read_query
from tests.e2e.support.burst_generator import BurstGenerator, BurstRequest, burst_in_waves, bursts
from tests.e2e.support.bursts import get
from tests.e2e.support.decision_table import Row
from tests.e2e.support.differential import Report, compare_bursts
from tests.e2e.support.differential_runs import REQUESTS, REVERSIBLE, SEED, Upstreams, compare_in_all_runs
from tests.e2e.support.forwarded_templates import CLIENTS_HEAD, FORWARDED_HEADS, FORWARDED_TEMPLATES
from tests.e2e.support.literals import TEXTS, one_of
from tests.e2e.support.planted_faults import (
    FAULTS,
    OTHER_FAULTS,
    a_made_up_406,
    any_error_shared,
    char_guard_removed,
    char_taken_for_text,
    citext_taken_for_text,
    content_location_shared_by_all,
    equal_literals_together,
    hidden_alias_left_in,
    identity_without_authorization,
    identity_without_cookie,
    identity_without_origin,
    identity_without_prefer,
    last_content_type_dropped,
    our_count_shown,
    rows_beyond_max_rows_accepted,
    unsorted_ties_accepted,
)
from tests.e2e.support.request_templates import HEADS, TEMPLATES, Head, Template
from tests.e2e.support.unusual_types import older_postgrest, postgrest_with
from tests.e2e.support.write_between_reads import read_around_a_write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def test_every_answer_is_the_one_that_postgrest_gives_alone(unusual: Stack, tell: Callable[[str], None]) -> None:
    with Upstreams(unusual) as upstream:
        proof = await compare_in_all_runs(upstream, SEED, REQUESTS)
    told = f"{proof}\n{proof.coverage.table()}"
    tell(told)
    assert not proof.shortcomings(), told


async def test_and_on_an_older_release(unusual: Stack, tell: Callable[[str], None]) -> None:
    with older_postgrest(unusual, db_tx_end="commit-allow-override") as older:
        generator = BurstGenerator(random.Random(SEED))
        report = await compare_bursts(older, f"DIFFERENTIAL_SEED={SEED}", bursts(generator, REQUESTS // 5))
    tell(str(report))
    assert not report.faults, str(report)
    assert report.coverage.outcomes["merged"] >= 0.3 * report.requests, str(report)


EQUAL_TEXTS = tuple(
    Template(target, one_of((*TEXTS, "AB", "A-B", "%20ab", *("b", "12", "nobody", "someone", "3", "77") * 6)))
    for target in (
        *("/words?k=eq.{}&order=id", "/words?k=eq.{}", "/kinds?select=id,t&t=eq.{}&order=id"),
        *("/kinds?select=id&vc=eq.{}&order=id", "/kinds?select=id&dt=eq.{}&order=id", "/moods?word=eq.{}&order=id"),
    )
)
"""Queries by text columns whose collation nobody knows."""


async def test_and_where_texts_of_different_bytes_are_equal(unusual: Stack, tell: Callable[[str], None]) -> None:
    with postgrest_with(unusual, **REVERSIBLE, db_extra_search_path="shifted, extensions, pg_catalog") as shifted:
        generator = BurstGenerator(random.Random(SEED), EQUAL_TEXTS, (), heads=HEADS[:4])
        report = await compare_bursts(shifted, f"DIFFERENTIAL_SEED={SEED}", bursts(generator, REQUESTS // 15))
    tell(str(report))
    assert not report.faults, str(report)
    assert report.coverage.outcomes["merged"] >= 0.05 * report.requests, str(report)


@pytest.mark.parametrize("catalog", [False, True], ids=["no catalog", "catalog"])
async def test_and_while_everything_is_on_probation(unusual: Stack, tell: Callable[[str], None], catalog: bool) -> None:
    known: dict[str, Any] = {"db_uri": unusual.dsn, "catalog__schemas": ["unusual"]} if catalog else {}
    generator = BurstGenerator(random.Random(SEED))
    with postgrest_with(unusual, **REVERSIBLE) as undone:
        made = bursts(generator, REQUESTS // 8)
        report = await compare_bursts(undone, f"DIFFERENTIAL_SEED={SEED}", made, merge__probation=3, **known)
    tell(str(report))
    assert not report.faults, str(report)
    assert report.calls["probation"] >= 20, str(report)


async def test_and_where_sql_reads_what_is_forwarded(unusual: Stack, tell: Callable[[str], None]) -> None:
    generator = BurstGenerator(random.Random(SEED), FORWARDED_TEMPLATES, (), share=1.0, heads=FORWARDED_HEADS)
    with postgrest_with(unusual, **REVERSIBLE) as undone:
        made = bursts(generator, REQUESTS // 8)
        report = await compare_bursts(undone, f"DIFFERENTIAL_SEED={SEED}", made, **CLIENTS_HEAD)
    tell(str(report))
    assert not report.faults, str(report)
    assert report.together >= 0.3 * report.requests, str(report)


async def compare_request_by_request(unusual: Stack, requests: Sequence[bytes], **settings: Any) -> Report:
    """Compare ``requests`` sent at once, and once more."""
    burst = burst_in_waves([BurstRequest(request) for request in requests])
    return await compare_bursts(unusual, "twice", [burst, burst], **settings)


PLANTED = [*FAULTS, *OTHER_FAULTS]


@pytest.mark.parametrize(
    ("plant", "requests"), PLANTED, ids=[f"{at}-{plant.__name__}" for at, (plant, _) in enumerate(PLANTED)]
)
async def test_a_planted_fault_is_found(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any, requests: list[bytes]
) -> None:
    sound = await compare_request_by_request(unusual, requests)
    assert not sound.faults, str(sound)
    plant(monkeypatch)
    assert (await compare_request_by_request(unusual, requests)).faults


async def test_texts_of_unknown_collation_merged_as_if_their_bytes_told_are_found(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [get(f"/words?k=eq.{k}") for k in ("ab", "a%20b", "x", "12")]
    with postgrest_with(unusual, db_extra_search_path="shifted, extensions, pg_catalog") as shifted:
        sound = await compare_request_by_request(shifted, requests)
        assert not sound.faults, str(sound)
        equal_literals_together(monkeypatch)
        assert (await compare_request_by_request(shifted, requests)).faults


async def test_rows_cut_at_max_rows_and_accepted_are_found(unusual: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [get(f"/num?id=eq.{n}") for n in range(10, 31)]
    with postgrest_with(unusual, db_max_rows="3") as cut:
        assert not (await compare_request_by_request(cut, requests)).faults
        rows_beyond_max_rows_accepted(monkeypatch)
        assert (await compare_request_by_request(cut, requests)).faults


def joined_in_flight(patch: pytest.MonkeyPatch) -> None:
    """An equal read shares the call that is under way."""
    flights: dict[bytes, asyncio.Task[Any]] = {}

    async def reply_to(self: Merger, member: PendingRequest) -> BufferedAnswer:
        target, head = member.query.target, member.head
        other = PendingRequest(read_query(b"GET", target + b"0", head, b"", "public", 9000), head, 0.0)
        (call,) = planning.plan([member, other], self.alias, planning.CallLimits(9, 9000))
        assert isinstance(call, MergedCall)
        if target not in flights:
            flights[target] = asyncio.create_task(self._fetcher.fetch(call, self.alias, lambda: None))
        slices = await flights[target]
        return BufferedAnswer(slices[member.query.keys[0].value], 1, 2, Outcome.MERGED, 0.0)

    patch.setattr(Merger, "reply_to", reply_to)
    patch.setattr(Merger, "scheduler_of", lambda *_: None)  # so that none waits without a task, past ``reply_to``


def shared_in_flight(patch: pytest.MonkeyPatch) -> None:
    """The same for reads that cannot be merged."""
    flights: dict[bytes, asyncio.Future[Any]] = {}
    original = Coalescer.reply_to

    async def reply_to(self: Coalescer, member: PendingRequest, reason: str | None) -> Any:
        target = member.query.target
        if target not in flights:
            flights[target] = asyncio.gather(*[original(self, one, reason) for one in (member, copy(member))])
        return (await flights[target])[0]

    patch.setattr(Coalescer, "reply_to", reply_to)


async def test_a_shared_call_joined_in_flight_is_found(unusual: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    shared_in_flight(monkeypatch)
    before, after = await read_around_a_write(unusual, 8, "&limit=9&limit=9")
    assert before.body == after.body, "the second read is answered from before the write: what law 3 forbids"


async def test_a_call_joined_in_flight_is_found(unusual: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    joined_in_flight(monkeypatch)
    before, after = await read_around_a_write(unusual, 6)
    assert before.body == after.body, "the second read is answered from before the write: what law 3 forbids"


async def is_found(unusual: Stack, templates: Sequence[Template], heads: Sequence[Head]) -> bool:
    """Whether random bursts show a fault; each few come to a fanin that has learnt nothing from the ones before.

    Without ``merge.ties = physical``, which compares answers with originals before anybody gets them.
    """
    generator = BurstGenerator(random.Random(SEED), (), templates, heads=heads)
    for _ in range(20):
        report = await compare_bursts(
            unusual, f"DIFFERENTIAL_SEED={SEED}", bursts(generator, REQUESTS // 100), enough=1, merge__ties="none"
        )
        if report.faults:
            return True
    return False


def templates_about(*parts: str) -> list[Template]:
    """The templates whose targets have one of these."""
    return [one for one in TEMPLATES if one.head is None and any(part in one.target for part in parts)]


OBJECTS_ASKED = [head for head in HEADS if Row.OBJECT in head.rows]
FROM_ELSEWHERE = [HEADS[0], *(head for head in HEADS if "Origin: http://a.example" in head.lines)]
COUNTED = [HEADS[0], Head(("Prefer: count=exact",))]
FOUND_BY_CHANCE = [
    (hidden_alias_left_in, TEMPLATES, HEADS),
    (content_location_shared_by_all, TEMPLATES, HEADS),
    (our_count_shown, TEMPLATES, HEADS),
    (char_guard_removed, templates_about("/chr?"), HEADS[:1]),
    (char_taken_for_text, templates_about("/chr?", "qc=eq."), HEADS[:1]),
    (citext_taken_for_text, templates_about("/cit?", "ci=eq.", "dc=eq."), HEADS[:1]),
    (equal_literals_together, templates_about("/sign?"), HEADS[:1]),
    (unsorted_ties_accepted, templates_about("/msg?", "/turned?"), HEADS[:1]),
    (a_made_up_406, templates_about("/num?id="), OBJECTS_ASKED),
    (last_content_type_dropped, templates_about("/num?id="), OBJECTS_ASKED),
    (any_error_shared, templates_about("boom"), HEADS[:1]),
    (identity_without_cookie, templates_about("/mine?"), HEADS[:1]),
    (identity_without_authorization, templates_about("/mine?"), HEADS[:1]),
    (identity_without_origin, templates_about("/num?id="), FROM_ELSEWHERE),
    (identity_without_prefer, templates_about("/num?id="), COUNTED),
]
"""Faults, and of which templates and heads bursts have to be that nobody wrote by hand, so that they are found soon."""


@pytest.mark.parametrize(("plant", "templates", "heads"), FOUND_BY_CHANCE)
async def test_random_bursts_find_a_planted_fault(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any, templates: Sequence[Template], heads: Sequence[Head]
) -> None:
    plant(monkeypatch)
    with postgrest_with(unusual, **REVERSIBLE) as undone:
        assert await is_found(undone, templates, heads), f"DIFFERENTIAL_SEED={SEED}"
