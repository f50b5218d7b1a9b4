"""Random bursts of reads while somebody writes: every answer is of the state before or after, and none of a mixture."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.burst_generator import Burst, Dealer, bursts
from tests.e2e.support.differential_runs import REQUESTS, SEED
from tests.e2e.support.planted_faults import answers_remembered
from tests.e2e.support.reads_around_writes import CALM, TIDES, around_writes
from tests.e2e.support.unusual_types import odd_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        yield made


def dealt(chance: random.Random) -> Iterator[Burst]:
    return bursts(Dealer(chance, TIDES, (), heads=CALM), REQUESTS // 12)


@pytest.mark.parametrize("catalog", [False, True])
async def test_a_read_beside_a_write_is_answered_from_before_it_or_from_after_it(
    odd: Stack, catalog: bool, tell: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    known = {"db_uri": odd.dsn, "catalog__schemas": ["odd"]} if catalog else {}
    seen = await around_writes(odd, dealt(chance), chance, **known)
    told = f"DIFFERENTIAL_SEED={SEED}: {seen}"
    tell(told)
    assert not seen.faults, told
    assert seen.outcomes["before"] >= 20, told
    assert seen.outcomes["after"] >= 20, told
    assert seen.outcomes["late"] >= 20, told


async def test_an_answer_from_before_an_acknowledged_write_is_found(
    odd: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_remembered(monkeypatch)
    chance = random.Random(SEED)
    rounds = [await around_writes(odd, dealt(chance), chance) for _ in range(2)]
    assert any(seen.faults for seen in rounds), f"DIFFERENTIAL_SEED={SEED}"
