"""The rules over what OpenTelemetry shows of the corpus: requests, without what only fanin sees of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from rules import TRAFFIC_RULES
from tests.corpus.scoring import HELD_OUT, IN_SAMPLE, codes_found, recorded_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from proxy.model import Span, Trace

NEED_ANSWERS = {rule.code for rule in TRAFFIC_RULES if rule.answers}


def shown(span: Span) -> Span:
    """What the span of an HTTP client shows."""
    return replace(
        span, rows=-1, total=-1, size=0, cut=None, row_keys=(), identity=0, preferences="", connection=0, connected=0.0
    )


def _each(traces: Iterable[Trace], change: Callable[[Span], Span]) -> list[Trace]:
    return [replace(trace, spans=tuple(map(change, trace.spans))) for trace in traces]


@pytest.fixture(scope="module")
def corpus() -> Mapping[str, list[Trace]]:
    return {**recorded_traces(IN_SAMPLE), **recorded_traces(HELD_OUT)}


def test_what_is_not_shown_makes_rules_silent_and_never_speak(corpus: Mapping[str, list[Trace]]) -> None:
    """Compared with fanin's default, in which traces have no row keys either."""
    more: dict[str, set[str]] = {}
    found: set[str] = set()
    before: set[str] = set()
    for name, traces in corpus.items():
        whole = set(codes_found(_each(traces, lambda span: replace(span, row_keys=()))))
        codes = set(codes_found(_each(traces, shown)))
        if codes - whole:
            more[name] = codes - whole
        found |= codes
        before |= whole
    assert more == {}
    assert found.isdisjoint(NEED_ANSWERS)
    assert before - found == NEED_ANSWERS & before, "a rule that finds nothing without answers says so"
