"""A header that costs more than 1 % of merged answers is told: once, and again only when it went and came back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.path.discards import HALVED_AFTER, MAX_NAMES, DiscardCounts


def after(discards: DiscardCounts, answers: int) -> DiscardCounts:
    for _ in range(answers):
        discards.record_answer()
    return discards


def lost(discards: DiscardCounts, name: str) -> bool:
    discards.record_answer()
    return discards.record_discard(name)


def test_a_header_of_every_answer_is_told_with_the_first_and_never_again() -> None:
    discards = DiscardCounts()
    assert [lost(discards, "cf-ray") for _ in range(5 * HALVED_AFTER)] == [True] + [False] * (5 * HALVED_AFTER - 1)


def test_each_header_is_told_for_itself() -> None:
    discards = DiscardCounts()
    assert [lost(discards, name) for name in ("a", "b", "a", "b")] == [True, True, False, False]


def test_one_answer_in_a_hundred_is_not_worth_a_word_and_the_next_one_is() -> None:
    discards = after(DiscardCounts(), 199)
    assert [lost(discards, "x-film") for _ in range(3)] == [False, False, True]


def test_a_rare_header_is_never_told_however_long_it_goes_on() -> None:
    discards = after(DiscardCounts(), HALVED_AFTER)
    for _ in range(50):
        assert not lost(discards, "x-film")
        after(discards, 199)


def test_a_header_that_appears_late_is_told_after_a_few_answers() -> None:
    discards = after(DiscardCounts(), 100 * HALVED_AFTER)
    assert any(lost(discards, "x-film") for _ in range(5))


def test_a_header_that_went_and_came_back_is_told_again() -> None:
    discards = DiscardCounts()
    assert lost(discards, "x-film")
    after(discards, 2 * HALVED_AFTER)
    assert any(lost(discards, "x-film") for _ in range(5))


def test_names_without_end_are_bounded_and_told_no_more() -> None:
    discards = DiscardCounts()
    told = sum(discards.record_discard(f"x-{n}") for n in range(10 * MAX_NAMES))
    assert told == len(discards) == MAX_NAMES


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=3 * HALVED_AFTER))
def test_nothing_is_told_that_was_not_discarded_now(names: list[str]) -> None:
    discards, told = DiscardCounts(), []
    for name in names:
        discards.record_answer()
        if name and discards.record_discard(name):
            told.append(name)
    assert set(told) <= set(names)
    assert len(discards) <= 2
