"""Requests prove their order for themselves once clients write; each write takes the proofs away."""

from __future__ import annotations

import pytest

from proxy.path.evidence.order_proofs import FIRST_PAUSE, LEAST_COMPARED, MAX_LOSSES, UNANSWERED, WINDOW, OrderProofs
from tests.factories import member

ONE, OTHER = member("/t?k=eq.1"), member("/t?k=eq.2")


def written(limit: int = 1000) -> OrderProofs:
    """One write was answered at 0."""
    proofs = OrderProofs(limit)
    proofs.record_sent(0.0)
    proofs.record_ended(0.0, True)
    return proofs


def write(proofs: OrderProofs, now: float) -> None:
    proofs.record_sent(now)
    proofs.record_ended(now, True)


def test_a_request_is_proven_by_its_own_original_only() -> None:
    proofs = written()
    proofs.record_matches([ONE], proofs.epoch, 1.0)
    assert proofs.is_proven(ONE)
    assert not proofs.is_proven(OTHER)


def test_another_caller_proves_nothing_because_it_may_see_other_rows() -> None:
    proofs = written()
    proofs.record_matches([ONE], proofs.epoch, 1.0)
    assert not proofs.is_proven(member("/t?k=eq.1", "Host: h\r\nAuthorization: Bearer other"))


def test_a_write_takes_proofs_away_when_it_is_sent_and_when_it_is_answered() -> None:
    proofs = written()
    proofs.record_matches([ONE], proofs.epoch, 1.0)
    proofs.record_sent(2.0)
    assert not proofs.is_proven(ONE)
    assert proofs.is_closed(2.0)
    proofs.record_matches([ONE], proofs.epoch, 2.0)
    assert not proofs.is_proven(ONE)
    proofs.record_ended(3.0, True)
    assert not proofs.is_closed(3.0)


def test_what_was_read_before_a_write_proves_nothing_after_it() -> None:
    proofs = written()
    epoch = proofs.epoch
    write(proofs, 1.0)
    proofs.record_matches([ONE], epoch, 1.0)
    assert not proofs.is_proven(ONE)


def test_a_write_without_an_answer_may_take_effect_later() -> None:
    proofs = OrderProofs(1000)
    proofs.record_sent(0.0)
    proofs.record_ended(1.0, False)
    assert proofs.is_closed(1.0 + UNANSWERED - 0.1)
    assert not proofs.is_closed(1.0 + UNANSWERED)


def lose(proofs: OrderProofs, now: float) -> None:
    """Prove something in vain, as often as it takes for a pause."""
    for _ in range(MAX_LOSSES):
        proofs.record_matches([ONE], proofs.epoch, now)
        write(proofs, now)


def test_proofs_that_writes_take_away_again_and_again_are_not_sought_for_a_time_that_grows() -> None:
    proofs = written()
    lose(proofs, 1.0)
    assert proofs.is_closed(1.0 + FIRST_PAUSE - 0.1)
    again = 1.0 + FIRST_PAUSE
    assert not proofs.is_closed(again)
    lose(proofs, again)
    assert proofs.is_closed(again + 2 * FIRST_PAUSE - 0.1)
    quiet = again + 2 * FIRST_PAUSE + 2 * WINDOW
    lose(proofs, quiet)
    assert not proofs.is_closed(quiet + FIRST_PAUSE)


def test_comparisons_that_a_write_overtakes_count_as_lost() -> None:
    proofs = written()
    for _ in range(MAX_LOSSES):
        epoch = proofs.epoch
        write(proofs, 1.0)
        proofs.record_matches([ONE], epoch, 1.0)
    assert proofs.is_closed(1.0)


@pytest.mark.parametrize("served", [0, LEAST_COMPARED])
def test_proofs_that_serve_nobody_are_not_sought_for_a_time(served: int) -> None:
    proofs = written()
    proofs.record_matches([ONE], proofs.epoch, 1.0)
    assert sum(proofs.is_proven(ONE) for _ in range(served)) == served
    proofs.record_matches([OTHER] * LEAST_COMPARED, proofs.epoch, 1.0)
    assert proofs.is_closed(1.0) is (served == 0)


def test_at_most_so_many_proofs_are_kept() -> None:
    proofs = written(limit=1)
    proofs.record_matches([ONE], proofs.epoch, 1.0)
    proofs.record_matches([OTHER], proofs.epoch, 1.0)
    assert [proofs.is_proven(ONE), proofs.is_proven(OTHER)] == [False, True]


def test_without_any_write_nothing_is_recorded() -> None:
    proofs = OrderProofs(1000)
    proofs.record_matches([ONE], 0, 1.0)
    assert (proofs.epoch, proofs.is_closed(1.0), proofs.is_proven(ONE)) == (0, False, False)


def test_before_any_write_requests_prove_the_order_of_relations_with_rows_that_were_updated_in_place() -> None:
    proofs = OrderProofs(1000)
    proofs.record_matches([ONE], 0, 1.0, updated=7)
    assert [proofs.is_proven(ONE, 7), proofs.is_proven(OTHER, 7)] == [True, False]
    assert not proofs.is_proven(ONE, 8), "more rows were updated"


def test_a_write_takes_the_proofs_of_such_relations_away_too() -> None:
    proofs = OrderProofs(1000)
    proofs.record_matches([ONE], 0, 1.0, updated=7)
    write(proofs, 2.0)
    assert not proofs.is_proven(ONE, 7)
    proofs.record_matches([ONE], 0, 3.0, updated=7)
    assert not proofs.is_proven(ONE, 7), "the call was sent before the write"
