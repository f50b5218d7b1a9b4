"""Later filters say which rows of a list were used; earlier ones, by which key a row could have been read."""

from __future__ import annotations

from proxy.analysis.row_use import known_key_column, names_one_row, rows_used
from tests.rules.traces import told

LIST = "GET /creators → 3 rows, ids 1;2;3, user_ids 11;12;12"


def used(*later: str) -> set[int] | None:
    (seen,) = told([LIST, *later])
    return rows_used(seen.spans[0], seen.spans[1:])


def test_rows_are_used_if_a_later_filter_names_their_key() -> None:
    assert used("GET /t?creator_id=eq.2", "DELETE /creators?id=eq.3") == {1, 2}
    assert used("GET /users?id=eq.12") == {1, 2}
    assert used("GET /t?id=eq.2", "GET /rpc/f?creator_id=eq.2") == set()


def test_the_used_rows_are_unknown_after_a_filter_on_a_key_by_list_or_range() -> None:
    assert used("GET /t?creator_id=in.(1,2)") is None
    assert used("GET /t?id=gt.1") is None
    assert used("GET /t?name=in.(a,b)") == set()


def test_a_row_is_known_by_a_key_value_that_no_other_row_has() -> None:
    (seen,) = told(["GET /a?user_id=eq.11", "GET /a?user_id=eq.12", LIST])
    listed = seen.spans[2]
    assert [known_key_column(listed, row, seen.spans[:2]) for row in range(3)] == ["user_id", "", ""]


def test_one_new_value_of_the_foreign_key_names_one_row() -> None:
    (seen,) = told(["GET /creators", "GET /t?creator_id=eq.1", "GET /u?creator_id=eq.1", "GET /t?creator_id=eq.2"])
    listed, *others = seen.spans
    assert names_one_row(listed, [], others[:2])
    assert not names_one_row(listed, [], others)
    assert not names_one_row(listed, others[:1], others[1:2])
