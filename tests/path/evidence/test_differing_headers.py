"""Headers that differ in every call are found in a sample of lone reads; those that mean something are not reported."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from proxy.path.evidence.differing_headers import (
    MAX_DIFFERENCES,
    MAX_QUERIES,
    MAX_REPORTED,
    MAX_SAVED,
    MIN_PAIRS,
    RECENT,
    SAMPLES_PER_SECOND,
    DifferingHeaders,
)
from tests.factories import head

Result = tuple[str, int]
BASE = "Host: h\nAuthorization: Bearer a\nUser-Agent: u"


@dataclass
class Flight:
    """The requests of one query and one identity."""

    in_flight: int = 1


def observed(differing: DifferingHeaders, lines: str, now: float = 0.0, flight: Flight | None = None) -> Result:
    return differing.observe("query", head(lines), flight or Flight(), now)


def reads(differing: DifferingHeaders, form: str, count: int = 3 * MIN_PAIRS, step: float = 0.02) -> list[Result]:
    """Reads at the same time with ``form`` as a further line, in which ``{}`` is a number."""
    return [observed(differing, f"{BASE}\n{form.format(*[n] * form.count('{}'))}", n * step) for n in range(count)]


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("X-Request-Id: {}", "x-request-id"),
        ("x-job: {}", "x-job"),
        ("X-Job: {}\nX-Step: a{}", "x-job,x-step"),
        ("X-Job: a\nX-Job: {}", "x-job"),
    ],
)
def test_a_header_that_differs_in_each_read_is_reported_from_the_20th_read_on(form: str, names: str) -> None:
    differing = DifferingHeaders()
    results = reads(differing, form)
    assert results[:MIN_PAIRS] == [("", 0)] * MIN_PAIRS, "the first read has none to differ from"
    assert results[MIN_PAIRS] == (names, MIN_PAIRS)
    assert set(results[MIN_PAIRS + 1 :]) == {(names, 1)}
    assert differing.reported == [names]


@pytest.mark.parametrize(
    "form",
    [
        *("X-Tenant-Id: {}", "x-user: {}", "X-Session_Token: {}", "X-Request-Id: {}\nX-Org: {}"),
        *("Cookie: s={}", "apikey: {}", "X-Forwarded-For: 10.0.0.{}", "Accept-Profile: s{}", "Prefer: tx={}"),
        "X-Job: {}\nCookie: s={}",
        "A: {}\nB: {}\nC: {}\nD: {}",
        "baggage: {}",
        "X-Tenant: a",
    ],
)
def test_headers_that_mean_something_and_too_many_headers_are_not_reported(form: str) -> None:
    differing = DifferingHeaders()
    assert set(reads(differing, form, 200)) == {("", 0)}
    assert not differing.reported


def test_a_header_with_a_few_values_is_not_reported() -> None:
    differing = DifferingHeaders()
    for n in range(500):
        assert observed(differing, f"{BASE}\nX-Tenant: {n % 7}", n * 0.02) == ("", 0)


def test_reads_one_after_another_do_not_miss_a_call() -> None:
    differing, last = DifferingHeaders(), Flight(0)
    for n in range(200):
        last.in_flight = 0
        last = Flight()
        assert observed(differing, f"{BASE}\nX-Job: {n}", n * 0.02, last) == ("", 0)


def test_reads_of_other_queries_do_not_count() -> None:
    differing = DifferingHeaders()
    for n in range(200):
        assert differing.observe(n, head(f"{BASE}\nX-Job: {n}"), Flight(), n * 0.02) == ("", 0)


def test_only_a_sample_is_looked_at_and_other_reads_of_a_reported_query_have_the_same_reason() -> None:
    differing = DifferingHeaders()
    reads(differing, "X-Job: {}", MAX_SAVED, 0.0)
    unseen = head(f"{BASE}\nX-Job: unseen")
    assert differing.observe("query", unseen, Flight(), 0.0) == ("x-job", 1)
    assert differing.observe("another", unseen, Flight(), 0.0) == ("", 0)
    for n in range(round(SAMPLES_PER_SECOND * 1.1 * RECENT)):
        differing.observe(n, unseen, Flight(), 1.1 * RECENT)
    assert differing.observe("query", unseen, Flight(), 1.1 * RECENT) == ("", 0)


def test_the_reads_before_a_burst_leave_enough_of_the_sample_for_its_header_to_be_found() -> None:
    differing = DifferingHeaders()
    for n in range(2 * SAMPLES_PER_SECOND):
        differing.observe(n, head(BASE), Flight(), 0.0)
    assert reads(differing, "X-Job: {}", MIN_PAIRS + 1, 0.0)[-1][0] == "x-job"


def test_what_is_kept_is_bounded_and_holds_no_value() -> None:
    differing = DifferingHeaders()
    for n in range(3 * MAX_QUERIES):
        for at in range(2):
            differing.observe(n, head(f"{BASE}\nX-{n}: secret-{at}"), Flight(), n * 0.05)
    assert len(differing._recent) <= MAX_QUERIES
    assert len(differing._differences) <= MAX_DIFFERENCES
    for n in range(2 * MAX_REPORTED):
        for at in range(2 * MIN_PAIRS):
            differing.observe("query", head(f"{BASE}\nY-{n}: {at}"), Flight(), 1000 + n + at * 0.02)
    assert len(differing.reported) <= MAX_REPORTED
    assert "secret" not in repr([list(read) for read in differing._recent.values()])
