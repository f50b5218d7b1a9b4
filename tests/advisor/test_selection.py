"""The choice of indexes: the fewest that help, without asking anything itself."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from proxy.advisor.selection import Candidate, Choice, choose
from proxy.plans.proposed_index import ProposedIndex

if TYPE_CHECKING:
    from collections.abc import Callable

A, B = ProposedIndex("public", "t", ("a",)), ProposedIndex("public", "t", ("b",))
AB = ProposedIndex("public", "t", ("a", "b"))


COVERING = ProposedIndex("public", "t", ("a",), include=("b",))


def chosen(
    candidates: list[Candidate], costs: Callable[[frozenset[ProposedIndex]], list[float]], room: float = inf
) -> tuple[Choice, ...]:
    steps = choose(candidates, room)
    try:
        asked = next(steps)
        while True:
            asked = steps.send(costs(asked))
    except StopIteration as end:
        found: tuple[Choice, ...] = end.value
    return found


def test_of_indexes_that_gain_as_much_the_smaller_one_is_chosen_and_the_other_one_told() -> None:
    (choice,) = chosen([Candidate(AB, 20), Candidate(A, 10)], lambda some: [1.0 if some else 100.0])
    assert (choice.index, choice.runner_up, choice.why_lost) == (A, AB, "gains no more and is larger")


def test_an_index_that_a_later_one_makes_superfluous_is_taken_out() -> None:
    def costs(some: frozenset[ProposedIndex]) -> list[float]:
        return [10.0 if A in some or AB in some else 100.0, 10.0 if AB in some else 90.0 if B in some else 100.0]

    assert [one.index for one in chosen([Candidate(A, 1), Candidate(AB, 3)], costs)] == [AB]


def test_a_partial_index_is_taken_out_where_one_with_its_keys_has_all_rows() -> None:
    partial = ProposedIndex("public", "t", ("a",), where="b IS NULL")

    def costs(some: frozenset[ProposedIndex]) -> list[float]:
        return [10.0 if partial in some else 20.0 if A in some else 100.0, 10.0 if A in some else 100.0]

    assert [one.index for one in chosen([Candidate(partial, 1), Candidate(A, 3)], costs)] == [A]


def test_a_small_gain_is_no_reason_for_an_index() -> None:
    assert chosen([Candidate(A, 1)], lambda some: [95.0 if some else 100.0]) == ()


def test_beside_an_index_with_the_same_first_keys_more_is_asked_for() -> None:
    assert chosen([Candidate(A, 1, least=0.25)], lambda some: [80.0 if some else 100.0]) == ()


def test_the_order_of_the_candidates_does_not_matter() -> None:
    both = [Candidate(A, 1), Candidate(B, 1)]

    def costs(some: frozenset[ProposedIndex]) -> list[float]:
        return [10.0 if A in some else 100.0, 10.0 if B in some else 100.0]

    assert chosen(both, costs) == chosen(both[::-1], costs)
    assert len(chosen(both, costs)) == 2


def test_the_index_that_gains_most_for_its_size_comes_first() -> None:
    def costs(some: frozenset[ProposedIndex]) -> list[float]:
        return [20.0 if COVERING in some else 30.0 if A in some else 100.0]

    (choice,) = chosen([Candidate(A, 10), Candidate(COVERING, 40, least=0.5)], costs)
    assert (choice.index, choice.why_lost) == (A, "gains 114 % as much, less for its size")


def test_one_that_holds_further_columns_is_left_out_where_all_would_need_more_room_than_the_table() -> None:
    def costs(some: frozenset[ProposedIndex]) -> list[float]:
        return [20.0 if COVERING in some else 100.0, 20.0 if B in some else 100.0]

    both = [Candidate(B, 60), Candidate(COVERING, 60)]
    assert [one.index for one in chosen(both, costs, room=100)] == [B]
    assert {one.index for one in chosen(both, costs, room=120)} == {B, COVERING}
    assert [one.index for one in chosen([Candidate(AB, 200)], lambda some: [1.0 if some else 9.0], room=100)] == [AB]
