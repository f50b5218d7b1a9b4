"""Writes that Postgres notifies of race with reads: no promise is broken, and faults that break one are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.upstream.facts.write_notifications import WriteListener
from proxy.upstream.state import UpstreamState
from tests.e2e.support.histories import broken_promises
from tests.e2e.support.racing_faults import NotifiedCacheRace, NotifiedRace, disturbed_registers
from tests.e2e.support.racing_loops import MOST_RUNS, new_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack
    from tests.e2e.support.racing_faults import Disturbed

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
Patch = pytest.MonkeyPatch
OPERATIONS = 600


@pytest.fixture(scope="module")
def disturbed(stack: Stack) -> Iterator[tuple[Disturbed, dict[int, int]]]:
    with disturbed_registers(stack) as made:
        yield made, new_versions()


@pytest.mark.parametrize("race", [NotifiedRace, NotifiedCacheRace])
async def test_no_promise_is_broken_while_upstream_stalls_connections_are_lost_and_settings_are_read_again(
    disturbed: tuple[Disturbed, dict[int, int]], race: type[NotifiedRace], tell: Callable[[str], None]
) -> None:
    run = race(disturbed[0], 1, OPERATIONS, disturbed[1])
    await run.run()
    assert broken_promises(run.history) == {}
    found = run.history
    from_memo = sum(read.from_memo for read in found.reads)
    tell(f"{len(found.reads)} reads, {from_memo} kept; {len(found.notified)} of {len(found.writes)} writes notified")


# Faults.


def notifications_are_ignored(patch: Patch) -> None:
    patch.setattr(UpstreamState, "drop_notified", lambda *_: None)


def a_notification_drops_another_relation(patch: Patch) -> None:
    patch.setattr(UpstreamState, "drop_notified", lambda self, _: self.drops.drop(frozenset(("registers.other",))))


def a_loss_is_ignored(patch: Patch) -> None:
    patch.setattr(WriteListener, "_lose", lambda *_: None)


FAULTS: dict[Callable[[Patch], None], str] = {
    notifications_are_ignored: "older_than_a_notification",
    a_notification_drops_another_relation: "older_than_a_notification",
    a_loss_is_ignored: "kept_while_nothing_is_notified",
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
async def test_a_planted_fault_breaks_its_promise(
    disturbed: tuple[Disturbed, dict[int, int]], plant: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    found: dict[str, list[str]] = {}
    for seed in range(MOST_RUNS):
        race = NotifiedCacheRace(disturbed[0], seed, OPERATIONS, disturbed[1])
        await race.run()
        if FAULTS[plant] in (found := broken_promises(race.history)):
            return
    raise AssertionError(f"not found in {MOST_RUNS} runs: {found}")
