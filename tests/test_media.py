"""Accept and Prefer."""

from __future__ import annotations

import pytest

from proxy.postgrest.media import is_json_array, preferences, wants_count, without_count


@pytest.mark.parametrize("accepts", [[], [b"*/*"], [b"application/json"], [b"application/vnd.pgrst.array+json"]])
def test_a_json_array_is_asked_for(accepts: list[bytes]) -> None:
    assert is_json_array(accepts)


@pytest.mark.parametrize(
    "accepts",
    [
        [b"application/vnd.pgrst.object+json"],
        [b"application/vnd.pgrst.array+json;nulls=stripped"],
        [b"text/csv"],
        [b"application/json, text/csv"],
        [b"application/json", b"application/json"],
        [b"application/json;q=0.9"],
        [b"APPLICATION/JSON"],
        [b""],
    ],
)
def test_anything_else_leaves_postgrest_a_choice(accepts: list[bytes]) -> None:
    assert not is_json_array(accepts)


@pytest.mark.parametrize("prefers", [[b"count=exact"], [b"handling=lenient", b"return=minimal , count=planned"]])
def test_a_count_is_found_on_any_line(prefers: list[bytes]) -> None:
    assert wants_count(prefers)


def test_preferences_of_all_lines_are_one_list() -> None:
    assert preferences([b"a=1, b=2", b"c"]) == [b"a=1", b"b=2", b"c"]
    assert not wants_count([b"handling=strict", b"tx=rollback"])


@pytest.mark.parametrize(
    ("applied", "left"),
    [
        (b"count=exact", b""),
        (b"count=exact, tx=rollback", b"tx=rollback"),
        (b"handling=lenient, count=exact, tx=commit", b"handling=lenient, tx=commit"),
        (b"handling=lenient", b"handling=lenient"),
    ],
)
def test_our_own_count_is_taken_out_of_what_was_applied(applied: bytes, left: bytes) -> None:
    assert without_count(applied) == left
