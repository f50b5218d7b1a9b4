"""Later filters say which rows of a list were used; earlier ones, by which key a row could have been read."""

from __future__ import annotations

import pytest

from proxy.analysis.steps import result_of
from proxy.analysis.values.row_use import KeyUse
from tests.rules.traces import told

LIST = "GET /creators → 3 rows, ids 1;2;3, user_ids 11;12;12"


def used(*later: str) -> set[int] | None:
    (seen,) = told([LIST, *(f"then {line}" for line in later)])
    return result_of(KeyUse.of(seen.spans)).rows_used(seen.spans[0])


def test_rows_are_used_if_a_later_filter_names_their_key() -> None:
    assert used("GET /t?creator_id=eq.2", "DELETE /creators?id=eq.3") == {1, 2}
    assert used("GET /users?id=eq.12") == {1, 2}
    assert used("GET /t?id=eq.2", "GET /rpc/f?creator_id=eq.2") == set()


def test_the_used_rows_are_unknown_after_a_filter_on_a_key_by_list_or_range() -> None:
    assert used("GET /t?creator_id=in.(1,2)") is None
    assert used("GET /t?id=gt.1") is None
    assert used("GET /t?name=in.(a,b)") == set()


def test_requests_before_the_lists_end_use_none_of_its_rows() -> None:
    (seen,) = told(["GET /t?creator_id=eq.1", LIST, "then GET /t?creator_id=eq.2"])
    uses = result_of(KeyUse.of(seen.spans))
    assert uses.rows_used(seen.spans[1]) == {1}
    assert uses.rows_used(seen.spans[1], counts=lambda fingerprint: fingerprint != seen.spans[2].fingerprint) == set()


def test_a_row_is_known_by_a_key_value_that_no_other_row_has() -> None:
    (seen,) = told(["GET /a?user_id=eq.11", "GET /a?user_id=eq.12", f"then {LIST}"])
    uses = result_of(KeyUse.of(seen.spans))
    assert [uses.known_key_column(seen.spans[2], row) for row in range(3)] == ["user_id", "", ""]


def names_one_row(*lines: str) -> bool:
    (seen,) = told(lines)
    listed = next(span for span in seen.spans if span.fingerprint == "GET creators")
    return result_of(KeyUse.of(seen.spans)).names_one_row(listed)


def test_one_new_value_of_the_foreign_key_names_one_row() -> None:
    assert names_one_row("GET /creators", "then GET /t?creator_id=eq.1", "then GET /u?creator_id=eq.1")
    assert not names_one_row("GET /creators", "then GET /t?creator_id=eq.1", "then GET /t?creator_id=eq.2")
    assert not names_one_row("GET /creators", "then GET /t?creator_id=eq.1", "then GET /t?creator_id=in.(1,2)")
    assert not names_one_row("GET /creators", "then GET /t?id=eq.1")
    assert not names_one_row("GET /t?a=eq.1", "then GET /creators", "then GET /t?creator_id=eq.1")
    assert names_one_row("GET /t?creator_id=eq.2", "then GET /creators", "then GET /t?creator_id=eq.1")


def test_so_does_one_new_code_or_slug_that_is_named_after_the_list() -> None:
    assert names_one_row("GET /creators", "then GET /t?creator_code=eq.a1")
    assert names_one_row("GET /creators", "then GET /t?creator_slug=eq.a1", "then GET /u?creator_slug=eq.a1")
    assert not names_one_row("GET /creators", "then GET /t?creator_code=eq.a1", "then GET /t?creator_code=eq.a2")
    assert not names_one_row("GET /creators", "then GET /t?creator_code=in.(a1,a2)")
    assert not names_one_row("GET /creators", "then GET /t?creator_tier=eq.gold")
    assert not names_one_row("GET /creators", "then GET /t?country_code=eq.de")
    assert not names_one_row("GET /t?creator_code=eq.a1", "then GET /creators", "then GET /t?creator_code=eq.a1")


CLASSES = "GET /gym_classes?select=id,name → 3 rows, ids 1;2;3"


def used_classes(*later: str, listed: str = CLASSES) -> set[int] | None:
    (seen,) = told([listed, *(f"then {line}" for line in later)])
    return result_of(KeyUse.of(seen.spans)).rows_used(seen.spans[0])


def test_a_key_may_be_named_by_the_whole_name_of_a_table_or_by_its_last_word() -> None:
    assert used_classes("GET /bookings?gym_class_id=eq.2") == {1}
    assert used_classes("GET /bookings?class_id=eq.2") == {1}
    assert used_classes("GET /bookings?select=*,gym_classes(name)&class_id=eq.2") == {1}
    assert used_classes("GET /bookings?gym_id=eq.2") == set()
    bookings = "GET /bookings?select=id,class_id → 3 rows, ids 7;8;9, class_ids 1;2;3"
    assert used_classes("GET /gym_classes?id=eq.2", listed=bookings) == {1}


@pytest.mark.parametrize(
    "other",
    [
        "GET /classes",
        "GET /class",
        "GET /yoga_classes",
        "POST /classes",
        "GET /bookings?select=id,classes(name)",
        "GET /bookings?select=id,kind:classes!inner(name)",
        "GET /bookings?select=id,guests(id,...classes!class_id!left(name))",
    ],
)
def test_the_last_word_names_no_key_where_the_trace_has_another_such_table(other: str) -> None:
    assert used_classes("GET /bookings?class_id=eq.2", other) == set()
    assert used_classes("GET /bookings?gym_class_id=eq.2", other) == {1}


def test_the_last_word_names_no_key_that_the_list_has_itself() -> None:
    items = "GET /order_items → 3 rows, ids 1;2;3, item_ids 7;8;9"
    assert used_classes("GET /stock?item_id=eq.2", listed=items) == set()
    assert used_classes("GET /stock?item_id=eq.8", listed=items) == {1}
    assert used_classes("GET /stock?order_item_id=eq.2", listed=items) == {1}


def test_the_last_word_names_no_key_with_a_value_that_was_known_before() -> None:
    (seen,) = told(["GET /bookings?class_id=eq.2", f"then {CLASSES}", "then GET /guests?class_id=eq.2"])
    assert result_of(KeyUse.of(seen.spans)).rows_used(seen.spans[1]) == set()
