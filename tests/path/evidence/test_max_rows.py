"""What is known of max-rows, and when that proves an answer complete."""

from __future__ import annotations

from proxy.path.evidence.max_rows import MaxRowsEvidence

LIFETIME = 60.0


def fresh(configured: int | None = None) -> MaxRowsEvidence:
    return MaxRowsEvidence(configured, LIFETIME)


def test_a_configured_max_rows_proves_fewer_rows_to_be_complete() -> None:
    evidence = fresh(10)
    assert evidence.known(1e9) == 10
    assert evidence.proves_whole(9)
    assert not evidence.proves_whole(10)


def test_an_earlier_answer_proves_nothing_since_postgrest_may_have_been_reloaded() -> None:
    evidence = fresh()
    evidence.record_rows(1000)
    assert not evidence.proves_whole(0)
    assert not evidence.allows(1)


def test_a_learned_max_rows_proves_nothing_and_expires() -> None:
    evidence = fresh()
    evidence.record_cut(1000, 0.0)
    assert not evidence.proves_whole(2)
    assert evidence.known(LIFETIME) == 1000
    assert evidence.known(LIFETIME + 1) is None


def test_a_larger_answer_shows_that_max_rows_was_raised() -> None:
    evidence = fresh()
    evidence.record_cut(3, 0.0)
    evidence.record_rows(3)
    assert evidence.known(1.0) == 3
    evidence.record_rows(4)
    assert evidence.known(1.0) is None


def test_a_cut_below_the_configured_value_refutes_it_until_the_settings_are_read_again() -> None:
    evidence = fresh(10)
    evidence.record_cut(3, 0.0)
    assert (evidence.refuted_by, evidence.known(0.0)) == (3, 3)
    assert not evidence.proves_whole(2)
    evidence.configure(5)
    assert (evidence.refuted_by, evidence.known(0.0)) == (None, 5)
    assert evidence.proves_whole(4)


def test_a_cut_at_the_configured_value_does_not_refute_it() -> None:
    evidence = fresh(10)
    evidence.record_cut(10, 0.0)
    assert evidence.refuted_by is None
    assert evidence.proves_whole(9)


def test_a_configured_max_rows_allows_as_many_rows() -> None:
    assert fresh(10).allows(10)
    assert not fresh(10).allows(11)
