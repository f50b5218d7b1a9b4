"""An answer that shows no other order is believed as long as that is likely, by what others have shown."""

from __future__ import annotations

import pytest

from proxy.path.evidence.order_evidence import MAX_WEIGHT, OrderEvidence

SUBJECT = ("GET t?k=eq.?", "", b"k")
OTHER = ("GET t?k=eq.?&a=eq.?", "", b"k")


def test_where_no_other_order_was_seen_every_answer_is_credible() -> None:
    evidence = OrderEvidence(9)
    evidence.record(SUBJECT, 1000, 0)
    assert evidence.is_credible(SUBJECT, 10_000, 0)
    assert evidence.is_credible(OTHER, 10_000, 0)


@pytest.mark.parametrize(("keys", "credible"), [(0, True), (1, True), (12, True), (40, False), (200, False)])
def test_many_keys_without_another_order_are_not_credible_where_one_key_in_ten_had_one(
    keys: int, credible: bool
) -> None:
    evidence = OrderEvidence(9)
    evidence.record(SUBJECT, 100, 10)
    assert evidence.is_credible(SUBJECT, keys, 0) is credible
    assert evidence.is_credible(SUBJECT, keys, 1)
    assert evidence.is_credible(OTHER, keys, 0)


def test_where_all_keys_had_another_order_none_is_believed() -> None:
    evidence = OrderEvidence(9)
    evidence.record(SUBJECT, 12, 12)
    assert not evidence.is_credible(SUBJECT, 1, 0)


def test_old_answers_count_less_and_their_number_is_bounded() -> None:
    evidence = OrderEvidence(1)
    evidence.record(SUBJECT, 10, 10)
    for _ in range(30):
        evidence.record(SUBJECT, MAX_WEIGHT, 0)
    assert evidence.is_credible(SUBJECT, 100, 0)
    evidence.record(SUBJECT, 10, 10)
    evidence.record(OTHER, 10, 10)
    assert evidence.is_credible(SUBJECT, 9, 0)
    assert not evidence.is_credible(OTHER, 9, 0)
