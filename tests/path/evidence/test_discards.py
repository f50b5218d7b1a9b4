"""A header that discards more than 1 % of the answers is reported once, and again only after its count decayed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.path.evidence.discards import HALVED_AFTER, MAX_NAMES, DiscardCounts


def after(discards: DiscardCounts, answers: int) -> DiscardCounts:
    for _ in range(answers):
        discards.record_answer()
    return discards


def discard(discards: DiscardCounts, name: str) -> bool:
    discards.record_answer()
    return discards.record_discard(name)


def test_a_header_in_every_answer_is_reported_once() -> None:
    discards = DiscardCounts()
    assert [discard(discards, "cf-ray") for _ in range(5 * HALVED_AFTER)] == [True] + [False] * (5 * HALVED_AFTER - 1)


def test_each_header_is_reported_separately() -> None:
    discards = DiscardCounts()
    assert [discard(discards, name) for name in ("a", "b", "a", "b")] == [True, True, False, False]


def test_a_header_is_reported_when_it_discards_more_than_one_percent() -> None:
    discards = after(DiscardCounts(), 199)
    assert [discard(discards, "x-film") for _ in range(3)] == [False, False, True]


def test_a_rare_header_is_never_reported() -> None:
    discards = after(DiscardCounts(), HALVED_AFTER)
    for _ in range(50):
        assert not discard(discards, "x-film")
        after(discards, 199)


def test_a_header_that_appears_late_is_reported_after_a_few_answers() -> None:
    discards = after(DiscardCounts(), 100 * HALVED_AFTER)
    assert any(discard(discards, "x-film") for _ in range(5))


def test_a_header_is_reported_again_after_its_count_decayed() -> None:
    discards = DiscardCounts()
    assert discard(discards, "x-film")
    after(discards, 2 * HALVED_AFTER)
    assert any(discard(discards, "x-film") for _ in range(5))


def test_the_number_of_counted_names_is_bounded() -> None:
    discards = DiscardCounts()
    reported = sum(discards.record_discard(f"x-{n}") for n in range(10 * MAX_NAMES))
    assert reported == len(discards) == MAX_NAMES


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=3 * HALVED_AFTER))
def test_only_a_header_that_was_just_discarded_is_reported(names: list[str]) -> None:
    discards, reported = DiscardCounts(), []
    for name in names:
        discards.record_answer()
        if name and discards.record_discard(name):
            reported.append(name)
    assert set(reported) <= set(names)
    assert len(discards) <= 2
