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

READ_MORE = {rule.code for rule in TRAFFIC_RULES if rule.reads}


def shown(span: Span) -> Span:
    """What the span of an HTTP client shows."""
    return replace(
        span,
        rows=-1,
        total=-1,
        size=0,
        cut=None,
        row_keys=(),
        identity=0,
        preferences="",
        connection=0,
        connected=0.0,
        differing_headers="",
    )


def also(codes: set[str]) -> set[str]:
    """What may be found instead: reads that only a header keeps apart look like any fan-out if no header is shown."""
    return {"FAN001", "FAN002"} if "FAN017" in codes else set()


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
        if codes - whole - also(whole):
            more[name] = codes - whole
        found |= codes
        before |= whole
    assert more == {}
    assert found.isdisjoint(READ_MORE)
    assert before - found == READ_MORE & before, "a rule that finds nothing without answers says so"
