"""Reads race with writers: no kept answer is older than what is promised, and faults that break a promise are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.merging.kept import cacher
from proxy.merging.kept.cacher import Cacher
from proxy.merging.kept.fills import CachedReads
from proxy.path.kept.answer_cache import AnswerCache, CachedAnswer
from proxy.upstream.state import UpstreamState
from tests.e2e.support import drop_faults
from tests.e2e.support.histories import broken_promises
from tests.e2e.support.racing_loops import MOST_RUNS, OPERATIONS
from tests.e2e.support.racing_reads import STALE, CacheRace

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.model import PendingRequest
    from proxy.path.kept.drops import DropClock
    from proxy.settings.tables import CacheSettings
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
Patch = pytest.MonkeyPatch


@pytest.mark.parametrize(("catalog", "stale"), [(False, True), (True, False)])
async def test_no_promise_is_broken_while_reads_race_with_writers(
    registered: tuple[Stack, dict[int, int]], catalog: bool, stale: bool, tell: Callable[[str], None]
) -> None:
    race = CacheRace(registered[0], 1, OPERATIONS, registered[1])
    sidecar = await race.run(**({"db_uri": registered[0].dsn} if catalog else {}), **(STALE if stale else {}))
    assert broken_promises(race.history) == {}
    from_cache = sum(read.from_memo for read in race.history.reads)
    answers = sidecar.cached.answers
    tell(f"{len(race.history.reads)} reads, {from_cache} from the cache: {answers.requests} {answers.removed}")
    assert from_cache > 50
    assert race.not_modified > 0
    assert answers.removed["dropped"] > 10
    assert (answers.refills["kept"] > 0) == stale


# Faults.


def nothing_is_dropped_when_a_write_is_answered(patch: Patch) -> None:
    drop_faults.nothing_is_dropped_when_a_write_is_answered(patch)
    patch.setattr(CachedAnswer, "is_current", _without_open_writes)


def answers_have_no_stamp(patch: Patch) -> None:
    patch.setattr(CachedAnswer, "is_current", lambda *_: True)


def answers_have_the_reading_of_when_they_came(patch: Patch) -> None:
    """A fill that began before a write counts as one after it."""
    original = AnswerCache.put

    def put(self: AnswerCache, key: bytes, entry: CachedAnswer, drops: DropClock, now: float) -> bool:
        return original(self, key, replace(entry, reading=drops.reading), drops, now)

    patch.setattr(AnswerCache, "put", put)


def another_relation_is_dropped(patch: Patch) -> None:
    patch.setattr(UpstreamState, "relations_changed", lambda *_: frozenset(("registers.other",)))
    patch.setattr(UpstreamState, "relations_read", lambda *_: frozenset(("registers.register",)))


def the_identity_is_left_out(patch: Patch) -> None:
    def key_of(_: CachedReads, request: PendingRequest) -> bytes:
        return request.query.target

    patch.setattr(CachedReads, "key_of", key_of)


def the_target_is_left_out(patch: Patch) -> None:
    def key_of(_: CachedReads, request: PendingRequest) -> bytes:
        return request.query.fingerprint.encode() + request.head.coalescing_identity

    patch.setattr(CachedReads, "key_of", key_of)


def the_age_is_ignored(patch: Patch) -> None:
    patch.setattr(CachedAnswer, "is_usable", lambda *_: True)


def stale_answers_have_no_bound(patch: Patch) -> None:
    """What cannot be fetched again is used for ever."""
    original = Cacher.__init__

    def made(self: Cacher, settings: CacheSettings, state: UpstreamState, reads: CachedReads) -> None:
        original(self, settings, state, reads)
        self._usable = 60.0

    patch.setattr(Cacher, "__init__", made)
    patch.setattr(Cacher, "_refresh", lambda *_: None)


def entity_tags_leave_out_identity_and_body(patch: Patch) -> None:
    """A 304 for who has the answer of somebody else."""
    patch.setattr(CachedReads, "tag_of", lambda *_: b'W/"1"')


def every_entity_tag_matches(patch: Patch) -> None:
    patch.setattr(cacher, "matches", lambda *_: True)


def _without_open_writes(self: CachedAnswer, drops: DropClock, now: float) -> bool:
    return drops._last_of_any <= self.reading and now >= 0


FAULTS: dict[Callable[[Patch], None], str] = {
    drop_faults.nothing_is_dropped: "older_than_a_write_through_fanin",
    nothing_is_dropped_when_a_write_is_answered: "older_than_a_write_through_fanin",
    answers_have_no_stamp: "older_than_a_write_through_fanin",
    answers_have_the_reading_of_when_they_came: "older_than_a_write_through_fanin",
    another_relation_is_dropped: "older_than_a_write_through_fanin",
    the_identity_is_left_out: "answer_of_another_identity",
    the_target_is_left_out: "answer_of_another_key",
    the_age_is_ignored: "older_than_max_age",
    stale_answers_have_no_bound: "older_than_max_age",
    entity_tags_leave_out_identity_and_body: "answer_of_another_identity",
    every_entity_tag_matches: "answer_of_another_identity",
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
async def test_a_planted_fault_breaks_its_promise(
    registered: tuple[Stack, dict[int, int]], plant: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    found: dict[str, list[str]] = {}
    for seed in range(MOST_RUNS):
        race = CacheRace(registered[0], seed, OPERATIONS, registered[1], writers=0 if "age" in FAULTS[plant] else 3)
        await race.run(**(STALE if plant is stale_answers_have_no_bound else {}))
        if FAULTS[plant] in (found := broken_promises(race.history)):
            return
    raise AssertionError(f"not found in {MOST_RUNS} runs: {found}")
