"""Trust is earned slice by slice, each kind for itself, and lost for good by one that is wrong."""

from __future__ import annotations

import pytest

from proxy.path.evidence.trust import (
    DIFFERENCES,
    EMPTY_FACTOR,
    MAX_EMPTY_COMPARED,
    NOTHING,
    Kind,
    Mismatch,
    Subject,
    Trust,
    kind_of,
    trusted_name,
)
from tests.factories import query

PAIR = ("public.t", "", b"id")
SUBJECT = Subject(PAIR, "GET t?id=eq.?")


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
    assert len(trust.check(Subject(("public.t", "", b"other")), values(10, 1)).compare) == 3


def test_a_further_query_of_a_trusted_pair_has_one_slice_of_each_kind_compared() -> None:
    trust, other = Trust(3, 9), Subject(PAIR, "GET t?select=id,embedded(*)&id=eq.?")
    trust.record_matches(SUBJECT, [0] * 3 * EMPTY_FACTOR + [1, 1, 1] + [2, 2, 2])
    assert trust.check(SUBJECT, values(10, 1)) is NOTHING
    assert len(trust.check(other, values(10, 1)).compare) == 1
    assert len(trust.check(other, values(20, 0)).compare) == EMPTY_FACTOR
    trust.record_matches(other, [1])
    assert trust.check(other, values(10, 1)) is NOTHING


def test_the_queries_of_pairs_are_bounded() -> None:
    trust = Trust(1, 3)
    for number in range(9):
        trust.record_matches(Subject(PAIR, f"GET t?select=c{number}&id=eq.?"), [1])
    assert len(trust.queries) == 3


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
    assert trust.record_wrong(PAIR, "the body", 7.0)
    assert not trust.record_wrong(PAIR, "the status line", 8.0)
    trust.record_matches(SUBJECT, [1] * 99)
    assert trust.is_wrong(PAIR)
    assert trust.wrong_columns("public.t", "") == {b"id"}
    assert trust.wrong_columns("public.t", "other") == trust.wrong_columns("public.u", "") == set()
    assert trust.mismatches == [Mismatch("public.t", "", b"id", 7.0, "the body")]
    trust.forget()
    assert not trust.is_wrong(PAIR)


def test_equal_reads_that_differ_again_and_again_are_wrong_and_one_match_begins_anew() -> None:
    trust, equal = Trust(3, 9), ("public.v", "", b"")
    for _ in range(DIFFERENCES - 1):
        assert not trust.record_difference(equal, "the body", 0.0)
    assert trust.has_differed(equal)
    trust.record_matches(Subject(equal), [1])
    assert not trust.has_differed(equal)
    for _ in range(DIFFERENCES - 1):
        assert not trust.record_difference(equal, "the body", 0.0)
    assert trust.record_difference(equal, "the body", 0.0)
    assert trust.is_wrong(equal)
    assert trust.wrong_columns("public.v", "") == set()


def test_equal_reads_earn_trust_by_matches_without_a_difference_between_them() -> None:
    trust, equal = Trust(3, 9), Subject(("public.v", "", b""))
    for _ in range(4):
        trust.record_matches(equal, [1, 1])
        assert trust.check(equal, {b"": 1}) is not NOTHING
        trust.record_difference(equal.pair, "the body", 0.0)
    trust.record_matches(equal, [1, 1, 1])
    assert trust.check(equal, {b"": 1}) is NOTHING
    trust.record_difference(equal.pair, "the body", 0.0)
    assert trust.check(equal, {b"": 1}) is not NOTHING


def test_subjects_are_bounded_and_one_that_was_wrong_is_forgotten_last() -> None:
    trust = Trust(3, 2)
    trust.record_wrong(PAIR, "", 0.0)
    for number in range(5):
        trust.record_matches(Subject((f"public.t{number}", "", b"id")), [1])
    assert (len(trust.trusted), len(trust.wrong)) == (2, 1)
    assert trust.is_wrong(PAIR)


def test_slices_with_several_rows_are_counted_by_pair() -> None:
    trust = Trust(12, 9)
    trust.record_matches(SUBJECT, [2] * 5 + [1])
    assert trust.matched(PAIR) == 5
    assert trust.matched(("public.t", "", b"other")) == 0


def test_heads_earn_trust_of_their_own() -> None:
    assert trusted_name(query("/t?id=eq.1")) == "public.t"
    assert trusted_name(query("/t?id=eq.1", method=b"HEAD")) == "HEAD public.t"
