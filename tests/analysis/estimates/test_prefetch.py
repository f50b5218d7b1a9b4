"""A loop is played as the request path would have fetched ahead: served reads, calls, and keys in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.analysis.estimates.prefetch import PrefetchEstimate, estimate_prefetch
from proxy.analysis.values.origin import Origin
from tests.rules.traces import span

if TYPE_CHECKING:
    from proxy.analysis.steps import Steps
    from proxy.model import Span

LIST = Origin("trackings", "GET trackings?select=*", "id", 50)


def reads(*keys: int, every: float = 0.02) -> list[Span]:
    lines = [f"GET /videos?tracking_id=eq.{key}" for key in keys]
    return [span(line, at + 2, start=1 + at * every, end=1.01 + at * every) for at, line in enumerate(lines)]


def listed(loop: list[Span], keys: range) -> Span:
    """The list with these keys, hashed as in the loop."""
    literals = {one.target or one.literals[0]: one.literals[0] for one in loop}
    hashes = [*literals.values(), *(10**6 + key for key in range(len(keys) - len(literals)))]
    return replace(span("GET /trackings?select=*", 1), end=0.5, row_keys=(("id", tuple(hashes)),))


def finished(steps: Steps[PrefetchEstimate]) -> PrefetchEstimate:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: PrefetchEstimate = end.value
            return found


def played(loop: list[Span], keys: int = 0, *others: Span) -> PrefetchEstimate:
    before = [listed(loop, range(keys))] if keys else []
    return finished(estimate_prefetch([*before, *loop, *others], loop, 0, LIST if keys else None))


def test_a_loop_over_a_whole_list_of_fifty_is_three_calls_and_wastes_nothing() -> None:
    seen = played(reads(*range(50)), 50)
    assert (seen.served, seen.calls, seen.wasted) == (47, 3, 0)
    assert seen.seconds == pytest.approx(0.47)


def test_a_loop_that_breaks_off_wastes_what_it_fetched() -> None:
    seen = played(reads(1, 2, 3), 1000)
    assert (seen.served, seen.calls, seen.wasted) == (1, 2, 7)


def test_without_the_list_what_is_wasted_is_unknown() -> None:
    seen = played(reads(*range(20)))
    assert (seen.served, seen.calls, seen.wasted) == (17, 3, -1)


def test_a_write_of_the_trace_in_each_iteration_drops_what_was_fetched() -> None:
    loop = reads(*range(20))
    writes = [span("PATCH /videos?id=eq.1", 90 + at, start=one.end, end=one.end + 0.005) for at, one in enumerate(loop)]
    seen = played(loop, 20, *writes)
    assert (seen.served, seen.wasted) == (0, 8)


def test_a_write_of_others_to_the_relation_drops_what_was_fetched() -> None:
    loop = [replace(one, writes=int(at >= 6)) for at, one in enumerate(reads(*range(20)))]
    seen = played(loop, 20)
    assert (seen.served, seen.wasted) == (17, 4)


def test_what_is_too_old_is_not_used() -> None:
    assert played(reads(*range(10), every=3.0), 10).served == 0
