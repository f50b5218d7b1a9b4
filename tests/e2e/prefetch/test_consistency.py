"""Loops race with writers: no read is older than what is promised, and faults that break a promise are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.merging.kept import prefetcher, trace_memory
from proxy.merging.kept.prefetcher import Prefetcher
from proxy.path.kept.drops import DropClock
from proxy.path.kept.memo import Fetch, Memo, MemoEntry, MemoKey
from proxy.path.kept.siblings import varied_keys
from proxy.upstream.state import UpstreamState
from tests.e2e.support.drop_faults import nothing_is_dropped, nothing_is_dropped_when_a_write_is_answered
from tests.e2e.support.histories import PROMISES, History, Notified, Read, Write, broken_promises
from tests.e2e.support.racing_loops import MOST_RUNS, OPERATIONS, Race

if TYPE_CHECKING:
    import asyncio
    from collections import Counter
    from collections.abc import Callable

    from proxy.model import Query, RelationSet
    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
Patch = pytest.MonkeyPatch


class LongRace(Race):
    """One that lasts until answers were used, and dropped, often enough, however slow the machine is."""

    used: Counter[str]

    def _disturb(self, sidecar: Sidecar, tasks: asyncio.TaskGroup) -> None:
        self.used = sidecar.memories.counts.requests

    @property
    def over(self) -> bool:
        return super().over and self.used["served"] > 100 and self.used["dropped"] > 10


@pytest.mark.parametrize("catalog", [False, True])
async def test_no_promise_is_broken_while_loops_race_with_writers(
    registered: tuple[Stack, dict[int, int]], catalog: bool, tell: Callable[[str], None]
) -> None:
    race = LongRace(registered[0], 1, OPERATIONS, registered[1])
    sidecar = await race.run(**({"db_uri": registered[0].dsn} if catalog else {}))
    assert broken_promises(race.history) == {}
    requests = sidecar.memories.counts.requests
    from_memo = sum(read.from_memo for read in race.history.reads)
    tell(f"{len(race.history.reads)} reads, {from_memo} from the memo, {len(race.history.writes)} writes: {requests}")
    assert from_memo == requests["served"] > 100
    assert requests["dropped"] > 10


# Faults.


def writes_in_flight_are_not_waited_for_and_drop_when_sent_only(patch: Patch) -> None:
    patch.setattr(DropClock, "record_sent", lambda self, changed: self.drop(changed))
    patch.setattr(DropClock, "record_ended", lambda *_: None)


def answers_have_no_reading(patch: Patch) -> None:
    patch.setattr(prefetcher, "Fetch", lambda at, _, read: _fetch(at, 1 << 60, read))


def answers_have_the_reading_of_when_they_came(patch: Patch) -> None:
    """A fill that began before a write counts as one after it."""
    original, is_current = Memo.put, Prefetcher._is_current
    current: list[DropClock] = []
    stored: set[Fetch] = set()

    def put(self: Memo, key: MemoKey, entry: MemoEntry) -> None:
        entry.fetch = replace(entry.fetch, reading=current[-1].reading)
        stored.add(entry.fetch)
        original(self, key, entry)

    def checked_once_stored(self: Prefetcher, fetch: Fetch, now: float) -> bool:
        current[:] = [self._drops]
        return fetch not in stored or is_current(self, fetch, now)

    patch.setattr(Memo, "put", put)
    patch.setattr(Prefetcher, "_is_current", checked_once_stored)


def another_relation_is_dropped(patch: Patch) -> None:
    patch.setattr(UpstreamState, "relations_changed", lambda *_: frozenset(("registers.other",)))
    patch.setattr(UpstreamState, "relations_read", lambda *_: frozenset(("registers.register",)))


def functions_drop_nothing(patch: Patch) -> None:
    def changed(_: UpstreamState, query: Query) -> RelationSet:
        return None if query.relation else frozenset()

    patch.setattr(UpstreamState, "relations_changed", changed)
    patch.setattr(UpstreamState, "relations_read", lambda *_: frozenset(("registers.register",)))


def the_identity_is_left_out(patch: Patch) -> None:
    patch.setattr(trace_memory, "varied_keys", lambda query, _: varied_keys(query, b""))


def the_age_is_ignored(patch: Patch) -> None:
    def result(self: Prefetcher, entry: MemoEntry, now: float) -> str:
        return "served" if self._is_current(entry.fetch, now) else "dropped"

    original = trace_memory.TraceMemory.put
    patch.setattr(Prefetcher, "_result", result)
    patch.setattr(trace_memory.TraceMemory, "put", lambda self, key, entry, _, now: original(self, key, entry, 99, now))


def the_literal_is_left_out(patch: Patch) -> None:
    original = Memo.get
    patch.setattr(Memo, "get", lambda self, key: original(self, (key[0], b"%d" % (int(key[1]) + 1))))


def _fetch(at: float, reading: int, read: RelationSet) -> Any:
    from proxy.path.kept.memo import Fetch

    return Fetch(at, reading, read)


FAULTS: dict[Callable[[Patch], None], str] = {
    nothing_is_dropped: "older_than_a_write_through_fanin",
    nothing_is_dropped_when_a_write_is_answered: "older_than_a_write_through_fanin",
    writes_in_flight_are_not_waited_for_and_drop_when_sent_only: "older_than_a_write_through_fanin",
    answers_have_no_reading: "older_than_a_write_through_fanin",
    answers_have_the_reading_of_when_they_came: "older_than_a_write_through_fanin",
    another_relation_is_dropped: "older_than_a_write_through_fanin",
    functions_drop_nothing: "older_than_a_write_through_fanin",
    the_identity_is_left_out: "answer_of_another_identity",
    the_age_is_ignored: "older_than_max_age",
    the_literal_is_left_out: "answer_of_another_key",
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
async def test_a_planted_fault_breaks_its_promise(
    registered: tuple[Stack, dict[int, int]], plant: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    for seed in range(MOST_RUNS):
        race = Race(registered[0], seed, OPERATIONS, registered[1], writers=0 if "age" in FAULTS[plant] else 3)
        await race.run()
        if FAULTS[plant] in (found := broken_promises(race.history)):
            return
    raise AssertionError(f"not found in {MOST_RUNS} runs: {found}")


# The checker itself.


def history(*reads: Read, write: Write, **more: Any) -> History:
    return History(1.0, list(reads), [write], **more)


def test_each_promise_is_broken_by_one_read_and_kept_by_another() -> None:
    through = Write(1, 5, 10.0, 11.0, True)
    straight = Write(1, 5, 10.0, 11.0, False)

    def read(version: int, began: float, key: int = 1, reader: str = "a") -> Read:
        return Read(1, version, began, began + 0.1, "a", reader, key, True)

    cases = [
        (history(read(4, 11.1), write=through), history(read(4, 10.9), write=through)),
        (history(read(4, 12.1), write=straight), history(read(4, 11.9), write=straight)),
        (history(read(5, 9.8), write=straight), history(read(5, 10.0), write=straight)),
        (history(read(5, 12.0, key=2), write=through), history(read(5, 12.0), write=through)),
        (history(read(5, 12.0, reader="b"), write=through), history(read(5, 12.0), write=through)),
    ]
    notified = Notified(1, 5, 11.0)
    cases += [
        (
            history(read(4, 11.1), write=straight, notified=[notified]),
            history(read(4, 10.9), write=straight, notified=[notified]),
        ),
        (
            history(read(5, 12.0), write=straight, lost=[11.5], back=[13.0]),
            history(read(5, 12.0), write=straight, lost=[11.5], back=[12.05]),
        ),
        (
            history(read(4, 11.4), write=straight, lost=[10.5], back=[11.3]),
            history(read(4, 11.2), write=straight, lost=[10.5], back=[11.3]),
        ),
    ]
    for promise, (broken, kept) in zip(PROMISES, cases, strict=True):
        assert list(promise(broken)), promise.__name__
        assert not list(promise(kept)), promise.__name__
