"""Random bursts of reads while somebody writes: every answer is of the state before or after, and none of a mixture."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.burst_generator import Burst, BurstGenerator, bursts
from tests.e2e.support.differential_runs import REQUESTS, SEED
from tests.e2e.support.planted_faults import answers_remembered
from tests.e2e.support.reads_around_writes import READS, STABLE_HEADS, WriteReport, read_around_writes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
MOST_ROUNDS = 8


def read_bursts(chance: random.Random) -> Iterator[Burst]:
    return bursts(BurstGenerator(chance, READS, (), heads=STABLE_HEADS), REQUESTS // 12)


@pytest.mark.parametrize("catalog", [False, True])
async def test_a_read_beside_a_write_is_answered_from_before_it_or_from_after_it(
    unusual: Stack, catalog: bool, tell: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    known = {"db_uri": unusual.dsn, "catalog__schemas": ["unusual"]} if catalog else {}
    seen = WriteReport()
    for _ in range(MOST_ROUNDS):  # how often a write overtakes a read hangs on the machine
        seen += await read_around_writes(unusual, read_bursts(chance), chance, **known)
        if seen.saw_each(20):
            break
    told = f"DIFFERENTIAL_SEED={SEED}: {seen}"
    tell(told)
    assert not seen.faults, told
    assert seen.saw_each(20), told


async def test_an_answer_from_before_an_acknowledged_write_is_found(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_remembered(monkeypatch)
    chance = random.Random(SEED)
    rounds = [await read_around_writes(unusual, read_bursts(chance), chance) for _ in range(2)]
    assert any(seen.faults for seen in rounds), f"DIFFERENTIAL_SEED={SEED}"
