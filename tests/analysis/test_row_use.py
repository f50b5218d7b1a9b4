"""Which rows of a list were used, and by what they could have been asked for."""

from __future__ import annotations

from proxy.analysis.row_use import column_known, named_once, rows_used
from tests.rules.traces import told

LIST = "GET /creators → 3 rows, ids 1;2;3, user_ids 11;12;12"


def used(*later: str) -> set[int] | None:
    (seen,) = told([LIST, *later])
    return rows_used(seen.spans[0], seen.spans[1:])


def test_rows_are_told_by_their_places() -> None:
    assert used("GET /t?creator_id=eq.2", "DELETE /creators?id=eq.3") == {1, 2}
    assert used("GET /users?id=eq.12") == {1, 2}
    assert used("GET /t?id=eq.2", "GET /rpc/f?creator_id=eq.2") == set()


def test_a_list_of_keys_or_a_range_tells_nothing() -> None:
    assert used("GET /t?creator_id=in.(1,2)") is None
    assert used("GET /t?id=gt.1") is None
    assert used("GET /t?name=in.(a,b)") == set()


def test_a_row_is_known_by_a_key_that_it_alone_has() -> None:
    (seen,) = told(["GET /a?user_id=eq.11", "GET /a?user_id=eq.12", LIST])
    listed = seen.spans[2]
    assert [column_known(listed, row, seen.spans[:2]) for row in range(3)] == ["user_id", "", ""]


def test_a_name_after_the_list_with_one_new_value() -> None:
    (seen,) = told(["GET /creators", "GET /t?creator_id=eq.1", "GET /u?creator_id=eq.1", "GET /t?creator_id=eq.2"])
    listed, *others = seen.spans
    assert named_once(listed, [], others[:2])
    assert not named_once(listed, [], others)
    assert not named_once(listed, others[:1], others[1:2])
