"""What the advisor knows of calls is collected by fingerprint; only literals that never change are kept."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.advisor.observed import CallCollector
from tests.advisor.test_roles import CALLERS, KEY, hashed
from tests.rules.traces import span, trace


def test_calls_and_time_are_added_and_a_literal_is_kept_if_it_is_always_the_same() -> None:
    collector = CallCollector()
    first, second = (
        replace(span("GET /t?a=eq.1&b=eq.2 → 1 rows, 10 ms", number), literals=literals, limit=20)
        for number, literals in ((1, (7, 8)), (2, (7, 9)))
    )
    collector.add(trace([first, second]), b"salt")
    (one,) = collector.observed()
    assert one.calls == 2
    assert one.seconds == pytest.approx(0.02)
    assert (one.seen.limit, one.seen.literals, one.seen.salt) == (20, ((7, 0),), b"salt")


def test_literals_of_two_runs_are_not_compared() -> None:
    collector = CallCollector()
    for salt in (b"one", b"two"):
        collector.add(trace([span("GET /t?a=eq.1", 1)]), salt)
    (one,) = collector.observed()
    assert (one.calls, one.seen.salt) == (2, b"")


def test_writes_and_failed_reads_are_not_collected() -> None:
    collector = CallCollector()
    collector.add(trace([span("PATCH /t?a=eq.1", 1), replace(span("GET /t", 2), status=500)]), b"salt")
    assert list(collector.observed()) == []


def test_the_number_of_fingerprints_is_bounded() -> None:
    collector = CallCollector(most=1)
    collector.add(trace([span("GET /t", 1), span("GET /u", 2), span("GET /t", 3)]), b"salt")
    assert [(one.seen.fingerprint, one.calls) for one in collector.observed()] == [("GET t", 2)]


def test_calls_are_those_of_the_role_that_most_of_them_have() -> None:
    collector, wanted = CallCollector(), hashed("authenticated")
    spans = [replace(span("GET /t?a=eq.1", number), role=wanted if number > 1 else 0) for number in (1, 2, 3)]
    collector.add(trace(spans), KEY)
    (one,) = collector.observed(CALLERS)
    assert (one.role, set(one.claims)) == ("authenticated", {"sub", "aud", "email"})
    (one,) = collector.observed()
    assert (one.role, one.claims) == ("", {})
