"""Any burst at all, drawn by hypothesis from the same templates: what fails is shrunk to the smallest burst."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import find, given, seed, settings
from hypothesis import strategies as st

from tests.e2e.support.burst_generator import Burst, BurstRequest, burst_in_waves, request_of
from tests.e2e.support.differential import compare_bursts
from tests.e2e.support.differential_runs import REVERSIBLE, SEED
from tests.e2e.support.event_loops import new_event_loop
from tests.e2e.support.forwarded_templates import CLIENTS_HEAD, FORWARDED_HEADS, FORWARDED_TEMPLATES
from tests.e2e.support.planted_faults import content_location_shared_by_all
from tests.e2e.support.request_templates import CALLERS, HEADS, OWNERS, TEMPLATES, Caller, Head, Template
from tests.e2e.support.unusual_types import postgrest_with, unusual_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.conftest import Stack
    from tests.e2e.support.literals import Random

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
EXAMPLES = settings(max_examples=50, database=None, deadline=None)


@pytest.fixture(scope="module")
def forwarded_faults_of(stack: Stack) -> Iterator[Callable[[Burst], list[str]]]:
    """The same through a fanin that passes on all that it gets."""
    runner = asyncio.Runner(loop_factory=new_event_loop)
    with unusual_tables(stack) as unusual, postgrest_with(unusual, **REVERSIBLE) as undone, runner:
        yield lambda made: runner.run(compare_bursts(undone, "forwarded", [made], **CLIENTS_HEAD)).faults


@pytest.fixture(scope="module")
def faults_of(stack: Stack) -> Iterator[Callable[[Burst], list[str]]]:
    """Sends a burst through a fanin that knows nothing yet, and says what is answered otherwise than alone."""
    runner = asyncio.Runner(loop_factory=new_event_loop)
    with unusual_tables(stack) as unusual, postgrest_with(unusual, **REVERSIBLE) as undone, runner:
        yield lambda made: runner.run(compare_bursts(undone, "any burst", [made])).faults


def _request(template: Template, head: Head, callers: tuple[Caller, Caller], chance: Random) -> BurstRequest:
    if template.head is not None:
        return request_of(template, template.head, (), chance)
    return request_of(template, head, callers[template.owned], chance)


@st.composite
def bursts(
    draw: st.DrawFn, templates: Sequence[Template] = TEMPLATES, heads: Sequence[Head] = HEADS, most: int = 20
) -> Burst:
    """Up to ``most`` requests of up to three templates, two heads and two callers, in up to two waves."""
    callers = st.tuples(st.sampled_from([*CALLERS]), st.sampled_from(OWNERS))
    template = st.sampled_from(draw(st.lists(st.sampled_from(templates), min_size=1, max_size=3)))
    head = st.sampled_from(draw(st.lists(st.sampled_from(heads), min_size=1, max_size=2)))
    caller = st.sampled_from(draw(st.lists(callers, min_size=1, max_size=2)))
    one = st.builds(_request, template, head, caller, st.randoms(use_true_random=False))
    made = draw(st.lists(one, min_size=1, max_size=most))
    return burst_in_waves(made, draw(st.integers(0, len(made) - 1)), draw(st.integers(0, 30)))


@seed(SEED)
@settings(EXAMPLES)
@given(bursts())
def test_any_burst_is_answered_as_each_request_alone(faults_of: Callable[[Burst], list[str]], made: Burst) -> None:
    faults = faults_of(made)
    assert not faults, f"DIFFERENTIAL_SEED={SEED}\n" + "\n".join(faults)


@seed(SEED)
@settings(EXAMPLES)
@given(bursts(FORWARDED_TEMPLATES, FORWARDED_HEADS))
def test_any_burst_is_answered_as_each_request_alone_where_sql_reads_what_is_forwarded(
    forwarded_faults_of: Callable[[Burst], list[str]], made: Burst
) -> None:
    faults = forwarded_faults_of(made)
    assert not faults, f"DIFFERENTIAL_SEED={SEED}\n" + "\n".join(faults)


def test_what_fails_is_shrunk_to_the_requests_that_it_takes(
    faults_of: Callable[[Burst], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    content_location_shared_by_all(monkeypatch)
    few, always_so = bursts(TEMPLATES[:2], HEADS[:2], 6), random.Random(0)  # from some bursts it finds no way to two
    smallest = find(few, lambda made: bool(faults_of(made)), settings=EXAMPLES, random=always_so)
    assert len({one.request for one in smallest.requests}) == len(smallest.requests) == 2
    assert {one.request.partition(b"=")[0] for one in smallest.requests} == {b"GET /num?id"}
