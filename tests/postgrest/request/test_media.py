"""Accept and Prefer."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.media import ARRAY, count_preferences, media_of, preferences, without_count

ARRAYS = [[], [b"*/*"], [b"application/json"], [b"application/vnd.pgrst.array+json"]]


@pytest.mark.parametrize("accepts", ARRAYS)
def test_these_accept_values_mean_a_json_array(accepts: list[bytes]) -> None:
    assert media_of(accepts) == ARRAY


@pytest.mark.parametrize(
    ("accept", "singular", "asks", "separator"),
    [
        (b"application/vnd.pgrst.object+json", True, b"application/json", b", \n "),
        (b"application/vnd.pgrst.array+json;nulls=stripped", False, b"", b","),
        (
            b"application/vnd.pgrst.object+json;nulls=stripped",
            True,
            b"application/vnd.pgrst.array+json;nulls=stripped",
            b",",
        ),
    ],
)
def test_objects_and_stripped_rows_are_produced_from_an_array(
    accept: bytes, singular: bool, asks: bytes, separator: bytes
) -> None:
    media = media_of([accept])
    assert media is not None
    assert (media.singular, media.accept, media.separator) == (singular, asks, separator)
    assert media.own_type == accept + b"; charset=utf-8"


@pytest.mark.parametrize(
    "accepts",
    [
        [b"text/csv"],
        [b"application/json, text/csv"],
        [b"application/json", b"application/json"],
        [b"application/json;q=0.9"],
        [b"APPLICATION/JSON"],
        [b"application/vnd.pgrst.object+json; nulls=stripped"],
        [b""],
    ],
)
def test_other_accept_values_are_not_supported(accepts: list[bytes]) -> None:
    assert media_of(accepts) is None


@pytest.mark.parametrize("prefers", [[b"count=exact"], [b"handling=lenient", b"return=minimal , count=planned"]])
def test_a_count_is_found_on_any_line(prefers: list[bytes]) -> None:
    assert len(count_preferences(prefers)) == 1


def test_the_preferences_of_all_lines_are_combined() -> None:
    assert preferences([b"a=1, b=2", b"c"]) == [b"a=1", b"b=2", b"c"]
    assert not count_preferences([b"handling=strict", b"tx=rollback"])


@pytest.mark.parametrize(
    ("applied", "left"),
    [
        (b"count=exact", b""),
        (b"count=exact, tx=rollback", b"tx=rollback"),
        (b"handling=lenient, count=exact, tx=commit", b"handling=lenient, tx=commit"),
        (b"handling=lenient", b"handling=lenient"),
    ],
)
def test_count_exact_is_removed_from_preference_applied(applied: bytes, left: bytes) -> None:
    assert without_count(applied) == left
