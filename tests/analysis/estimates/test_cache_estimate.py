"""What a cache would have answered of what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from proxy.analysis.estimates.cache_estimate import FRESH, MAX_KEYS, CacheEstimate
from proxy.fixes.reads.cache_code import MAX_AGE
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from proxy.model import Span


def read(**changes: Any) -> Span:
    (one,) = parallel(["GET /video_rates?select=* → 5 rows"]).spans
    return replace(one, **({"same": 1, "start": 0.0, "end": 0.25, "size": 100} | changes))


def estimate(*spans: Span, writes: int = 0) -> CacheEstimate:
    made = CacheEstimate()
    made.add(spans, writes)
    return made


def test_reads_in_other_exact_identities_are_other_reads_whoever_makes_them() -> None:
    apart = [read(start=at, same=at, identity=1, exact_identity=at, call_headers="x-request-id") for at in range(1, 6)]
    assert estimate(*apart).hits == 0


def test_each_read_but_the_first_is_answered_with_its_bytes_and_its_time() -> None:
    made = estimate(*[read(start=at, end=at + 0.25) for at in range(5)])
    assert (made.hits, made.size, made.seconds) == (4, 400, 1.0)


def test_a_read_after_the_fresh_time_fills_again() -> None:
    assert estimate(*[read(start=at * FRESH * 0.6) for at in range(6)]).hits == 3
    assert FRESH == MAX_AGE


def test_a_write_to_it_drops_its_answer() -> None:
    assert estimate(read(), read(writes=1), read(writes=1)).hits == 1


def test_without_the_catalog_any_write_drops_it() -> None:
    made = CacheEstimate()
    for writes in (0, 0, 1, 2):
        made.add([read()], writes)
    assert (made.hits, made.hits_without_catalog) == (3, 1)


def test_other_identities_and_other_requests_have_answers_of_their_own() -> None:
    assert estimate(*[read(same=number % 2) for number in range(6)]).hits == 4


def test_errors_writes_and_reads_with_values_are_not_simulated() -> None:
    assert not estimate(read(status=404), read(status=404)).hits
    assert not estimate(read(method="POST"), read(method="POST")).hits
    assert not estimate(read(literals=(5,)), read(literals=(5,))).hits


def test_the_number_of_different_requests_is_bounded() -> None:
    made = estimate(*[read(same=number) for number in range(100)] * 2)
    assert made.hits == MAX_KEYS
