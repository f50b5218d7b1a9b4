"""Reads that differ in a key are told from reads that do not."""

from __future__ import annotations

from proxy.postgrest.fan_out import varying_key
from proxy.postgrest.shown import read_fingerprint
from proxy.thresholds import NPlusOne
from tests.rules.traces import span

BOUNDS = NPlusOne(min_calls=3, min_distinct=2)


def key(*lines: str) -> str | None:
    spans = [span(line, number + 1) for number, line in enumerate(lines)]
    found = varying_key(read_fingerprint(spans[0].fingerprint), spans, BOUNDS)
    return None if found is None else found.column


def test_the_key_is_the_eq_filter_with_most_values() -> None:
    assert key("GET /t?a=eq.1&b=eq.1", "GET /t?a=eq.1&b=eq.2", "GET /t?a=eq.2&b=eq.3") == "b"


def test_too_few_calls_or_values_have_none() -> None:
    assert key("GET /t?a=eq.1", "GET /t?a=eq.2") is None
    assert key(*["GET /t?a=eq.1"] * 9) is None


def test_other_operators_are_no_keys() -> None:
    assert key("GET /t?a=gt.1", "GET /t?a=gt.2", "GET /t?a=gt.3") is None
