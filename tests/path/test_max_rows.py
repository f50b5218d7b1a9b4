"""The evidence that max-rows did not cut an answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.path.max_rows import MAX_ROW_COUNTS, MaxRowsEvidence

LIFETIME = 60.0


def fresh(configured: int | None = None) -> MaxRowsEvidence:
    return MaxRowsEvidence(configured, LIFETIME)


def test_without_evidence_nothing_is_proven() -> None:
    assert not fresh().proves_whole(0, 0.0)


def test_a_configured_max_rows_proves_fewer_rows_to_be_complete() -> None:
    evidence = fresh(10)
    assert evidence.proves_whole(9, 1e9)
    assert not evidence.proves_whole(10, 0.0)


def test_a_configured_max_rows_is_never_replaced() -> None:
    evidence = fresh(10)
    evidence.record_rows(500, 0.0)
    evidence.record_cut(3, 0.0)
    assert evidence.known(0.0) == 10


def test_a_larger_answer_proves_a_smaller_one_to_be_complete() -> None:
    evidence = fresh()
    evidence.record_rows(100, 0.0)
    assert evidence.proves_whole(99, 0.0)
    assert not evidence.proves_whole(100, 0.0)


def test_the_evidence_of_an_answer_expires() -> None:
    evidence = fresh()
    evidence.record_rows(100, 0.0)
    evidence.record_rows(50, 30.0)
    assert evidence.proves_whole(99, LIFETIME)
    assert not evidence.proves_whole(50, LIFETIME + 1)
    assert evidence.proves_whole(49, LIFETIME + 1)
    assert not evidence.proves_whole(0, 2 * LIFETIME)


def test_max_rows_is_learned_from_a_cut_answer() -> None:
    evidence = fresh()
    evidence.record_cut(3, 0.0)
    assert evidence.known(0.0) == 3
    assert evidence.proves_whole(2, 0.0)
    assert not evidence.proves_whole(3, 0.0)


def test_a_learned_max_rows_expires() -> None:
    evidence = fresh()
    evidence.record_cut(1000, 0.0)
    assert evidence.known(LIFETIME) == 1000
    assert evidence.known(LIFETIME + 1) is None
    assert not evidence.proves_whole(5, LIFETIME + 1)


def test_a_larger_answer_proves_that_max_rows_was_raised() -> None:
    evidence = fresh()
    evidence.record_cut(3, 0.0)
    evidence.record_rows(4, 1.0)
    assert evidence.known(1.0) is None
    assert evidence.proves_whole(3, 1.0)
    assert not evidence.proves_whole(4, 1.0)


def test_a_cut_proves_that_max_rows_was_lowered() -> None:
    evidence = fresh()
    evidence.record_rows(1000, 0.0)
    evidence.record_cut(3, 1.0)
    assert not evidence.proves_whole(500, 1.0)
    assert not evidence.proves_whole(500, LIFETIME)


def test_answers_without_rows_prove_nothing() -> None:
    evidence = fresh()
    evidence.record_rows(0, 0.0)
    evidence.record_rows(-1, 0.0)
    assert not evidence.proves_whole(0, 0.0)


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(-1, 10**6)), max_size=40), st.floats(0, 200))
def test_the_lower_bound_is_the_largest_answer_within_the_lifetime(
    answers: list[tuple[float, int]], now: float
) -> None:
    evidence = fresh()
    answers = sorted(answers, key=lambda pair: pair[0])
    for at, rows in answers:
        evidence.record_rows(rows, at)
    now = max([now, *(at for at, _ in answers)])
    largest = max([0, *(rows for at, rows in answers if now - at <= LIFETIME)])
    assert evidence.proves_whole(largest - 1, now)
    assert not evidence.proves_whole(largest, now)


def test_the_stored_counts_are_bounded_and_dropping_one_never_proves_more() -> None:
    evidence = fresh()
    for rows in range(10 * MAX_ROW_COUNTS, 0, -1):
        evidence.record_rows(rows, 0.0)
    assert evidence.proves_whole(MAX_ROW_COUNTS - 1, 0.0)
    assert not evidence.proves_whole(MAX_ROW_COUNTS, 0.0)


def test_max_rows_allows_the_largest_seen_or_configured_number_of_rows() -> None:
    learned, configured = fresh(), fresh(10)
    learned.record_rows(10, 0.0)
    for evidence in (learned, configured):
        assert evidence.allows(10, 0.0)
        assert not evidence.allows(11, 0.0)
    assert not learned.allows(10, LIFETIME + 1)
    assert configured.allows(10, LIFETIME + 1)
