"""Trust is earned slice by slice, each kind for itself, and lost for good by one that is wrong."""

from __future__ import annotations

import pytest

from proxy.path.trust import DIFFERENCES, EMPTY_FACTOR, MAX_EMPTY_COMPARED, NOTHING, Kind, Trust, kind_of, trusted_name
from tests.factories import query

SUBJECT = ("public.t", "", b"id")


def values(count: int, rows: int, first: int = 0) -> dict[bytes, int]:
    return {b"eq.%d" % number: rows for number in range(first, first + count)}


@pytest.mark.parametrize(("rows", "kind"), [(0, Kind.EMPTY), (1, Kind.ONE), (2, Kind.SEVERAL), (99, Kind.SEVERAL)])
def test_slices_are_told_apart_by_whether_they_have_a_row_and_several(rows: int, kind: Kind) -> None:
    assert kind_of(rows) is kind


def test_the_first_slices_of_each_kind_are_compared_and_no_more() -> None:
    trust = Trust(3, 9)
    check = trust.check(SUBJECT, values(10, 1) | values(10, 4, first=100))
    assert len(check.compare) == 6
    assert {value in values(10, 1) for value in check.compare} == {True, False}
    assert check.unused == ()


def test_what_was_right_often_enough_is_used_without_a_comparison() -> None:
    trust = Trust(3, 9)
    trust.record_matches(SUBJECT, [1, 1])
    assert len(trust.check(SUBJECT, values(10, 1)).compare) == 1
    trust.record_matches(SUBJECT, [1])
    assert trust.check(SUBJECT, values(10, 1)).compare == ()
    assert len(trust.check(SUBJECT, values(10, 2)).compare) == 3
    assert len(trust.check(("public.t", "", b"other"), values(10, 1)).compare) == 3


def test_of_slices_without_a_row_all_are_compared_or_not_used_until_many_were_right() -> None:
    trust = Trust(5, 9)
    check = trust.check(SUBJECT, values(40, 0))
    assert len(check.compare) == MAX_EMPTY_COMPARED
    assert len(check.unused) == 40 - MAX_EMPTY_COMPARED
    assert not set(check.compare) & set(check.unused)
    trust.record_matches(SUBJECT, [0] * (5 * EMPTY_FACTOR - 1))
    assert len(trust.check(SUBJECT, values(40, 0)).compare) == 1
    trust.record_matches(SUBJECT, [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2])
    assert trust.check(SUBJECT, values(40, 0)) is NOTHING


def test_what_needs_no_comparison_is_told_as_that_whatever_kinds_are_still_on_probation() -> None:
    trust = Trust(3, 9)
    trust.record_matches(SUBJECT, [1, 1, 1])
    assert trust.check(SUBJECT, values(10, 1)) is NOTHING
    assert trust.check(SUBJECT, values(1, 0)) is not NOTHING


def test_without_probation_nothing_is_compared() -> None:
    assert Trust(0, 9).check(SUBJECT, values(10, 0)) is NOTHING


def test_what_was_wrong_once_is_wrong_until_the_schema_changes() -> None:
    trust = Trust(3, 9)
    assert trust.record_wrong(SUBJECT)
    assert not trust.record_wrong(SUBJECT)
    trust.record_matches(SUBJECT, [1] * 99)
    assert trust.is_wrong(SUBJECT)
    assert trust.wrong_columns("public.t", "") == {b"id"}
    assert trust.wrong_columns("public.t", "other") == trust.wrong_columns("public.u", "") == set()
    assert trust.wrong == 1
    trust.forget()
    assert not trust.is_wrong(SUBJECT)


def test_equal_reads_that_differ_again_and_again_are_wrong_and_one_match_begins_anew() -> None:
    trust, equal = Trust(3, 9), ("public.v", "", b"")
    for _ in range(DIFFERENCES - 1):
        assert not trust.record_difference(equal)
    trust.record_matches(equal, [1])
    for _ in range(DIFFERENCES - 1):
        assert not trust.record_difference(equal)
    assert trust.record_difference(equal)
    assert trust.is_wrong(equal)
    assert trust.wrong_columns("public.v", "") == set()


def test_subjects_are_bounded_and_one_that_was_wrong_is_forgotten_last() -> None:
    trust = Trust(3, 2)
    trust.record_wrong(SUBJECT)
    for number in range(5):
        trust.record_matches((f"public.t{number}", "", b"id"), [1])
        assert len(trust) == 2
    assert trust.is_wrong(SUBJECT)


def test_a_check_can_need_more_than_the_setting_says() -> None:
    trust = Trust(0, 9)
    assert len(trust.check(SUBJECT, values(30, 2), 12).compare) == 12
    trust.record_matches(SUBJECT, [2] * 12)
    assert trust.check(SUBJECT, values(30, 2), 12) is NOTHING
    assert trust.matched(SUBJECT) == 12
    assert trust.matched(("public.t", "", b"other")) == 0


def test_heads_earn_trust_of_their_own() -> None:
    assert trusted_name(query("/t?id=eq.1")) == "public.t"
    assert trusted_name(query("/t?id=eq.1", method=b"HEAD")) == "HEAD public.t"
