"""The estimated bytes of spans are close to those that Python takes, and not below."""

from __future__ import annotations

import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from proxy.model import Outcome, Span, Trace
from proxy.observe.trace_size import spans_bytes, trace_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

BIG = 2**62


def span(number: int, literals: int, keys: int, shared: str | None) -> Span:
    chance = random.Random(number)
    names = [f"column_{number}_{at}" for at in range(literals)]
    return Span(
        number=number + 10**6,
        method="GET",
        relation=shared or f"public.table_{number}",
        fingerprint=shared or f"GET t?{'&'.join(f'{name}=eq.?' for name in names)}",
        same=chance.randrange(BIG),
        literals=tuple([chance.randrange(BIG) for _ in names]),
        key_types=tuple([(name, "integer") for name in names[:16]]),
        caller=f"page.ts:{number}",
        retry=False,
        start=chance.random(),
        end=chance.random(),
        status=200,
        size=chance.randrange(10**6),
        rows=chance.randrange(10**6),
        cut=None,
        outcome=Outcome.PASSED,
        call=10**6 + number,
        shared=1,
        bypass_reason=None,
        row_keys=(("id", tuple([chance.randrange(BIG) for _ in range(keys)])),) if keys else (),
        upstream=chance.random(),
        shapes=tuple([("integer", 1000 + at) for at in range(literals)]),
        target="".join(chance.choices("abc", k=500)),
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda number: span(number, 2, 0, "GET t?id=eq.?"),
        lambda number: span(number, 2, 0, None),
        lambda number: span(number, 300, 0, None),
        lambda number: span(number, 2, 1000, "GET t?id=eq.?"),
    ],
)
def test_the_estimate_is_at_least_what_is_held_and_less_than_three_times_as_much(make: Callable[[int], Span]) -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    spans = [make(number) for number in range(200)]
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held <= spans_bytes(spans) < 3 * held


def test_a_text_that_spans_share_counts_once() -> None:
    spans = [span(1, 2, 0, "GET t?" + "a" * 5000), span(2, 2, 0, "GET t?" + "a" * 5000)]
    assert 5000 < spans_bytes(spans) - 2 * (spans_bytes(spans[:1]) - 10_000 - 120) < 15_000


def test_what_was_measured_while_a_trace_was_open_holds() -> None:
    spans = (span(1, 2, 0, None),)
    made = Trace("a", True, False, False, 1, "", 0.0, 1.0, spans)
    assert trace_bytes(made) == spans_bytes(spans)
    assert trace_bytes(Trace("a", True, False, False, 1, "", 0.0, 1.0, spans, held_bytes=7)) == 7
