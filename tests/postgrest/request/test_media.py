"""Accept, Range and Prefer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.postgrest.request.media import (
    ARRAY,
    OBJECT,
    STRIPPED_ARRAY,
    STRIPPED_OBJECT,
    count_preferences,
    media_of,
    preferences,
    range_limit,
    without_count,
)

if TYPE_CHECKING:
    from proxy.model import Media

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
        [b"text/csv, application/json"],
        [b"text/csv, */*"],
        [b"application/json;q=0.5, text/csv"],
        [b"application/json; q=0.5, text/csv; q = 0.9"],
        [b"*/*;q=0.5, text/csv;q=0.6"],
        [b"application/geo+json, application/json"],
        [b"application/vnd.pgrst.plan+json, application/json"],
        [b"application/json\t,text/csv"],
        [b"application/json", b"application/json"],
        [b"application/json;q=1e-3, text/csv;q=0.2"],
        [b"application/json;q=-1"],
        [b"APPLICATION/JSON"],
        [b"application/*"],
        [b"*"],
        [b"text/javascript"],
        [b"application/json," + b"x/y," * 400],
        [b""],
    ],
)
def test_other_accept_values_are_not_supported(accepts: list[bytes]) -> None:
    assert media_of(accepts) is None


LISTS = [
    b"application/json, text/plain, */*",
    b"application/json, text/javascript, */*; q=0.01",
    b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    b"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    b"text/javascript, application/javascript, application/ecmascript, */*; q=0.01",
    b"application/json;charset=utf-8",
    b"application/json; charset=utf-8, text/csv;q=0.5",
    b"text/csv;q=0.5, application/json",
    b"application/json, application/*+json",
    b"application/json, application/vnd.pgrst.object+json",
    b"application/vnd.pgrst.object+json;q=0.9, application/json",
    b"application/json;q=1.0, */*;q=0.1",
    b"application/json;q=0",
    b",application/json,",
    b"application/json;q=.5,text/csv;q=.9",
    b"application/json;q=,text/csv",
    b"application/json;Q=0.5,text/csv",
    b"application/json;nulls=stripped",
    b"application/vnd.pgrst.array",
    b"*/*;q=0.8,text/csv;q=0.7",
]
"""Lists of which PostgREST 12.0.2 and 11.2.2 choose JSON: tests/e2e/exactness/test_client_requests.py asks both."""


@pytest.mark.parametrize("accept", LISTS)
def test_of_these_lists_postgrest_chooses_json(accept: bytes) -> None:
    assert media_of([accept]) == ARRAY


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (b"application/vnd.pgrst.object+json, application/json", OBJECT),
        (b"application/vnd.pgrst.object+json, text/plain, */*", OBJECT),
        (b"application/vnd.pgrst.object+json;charset=utf-8", OBJECT),
        (b"application/json;q=0.9, application/vnd.pgrst.object+json", OBJECT),
        (b"application/vnd.pgrst.object", OBJECT),
        (b"application/vnd.pgrst.object+json; nulls=stripped", STRIPPED_OBJECT),
        (b"application/vnd.pgrst.object;nulls=stripped", STRIPPED_OBJECT),
        (b"application/vnd.pgrst.array+json; nulls=stripped, application/json", STRIPPED_ARRAY),
    ],
)
def test_of_these_lists_postgrest_chooses_another_form(accept: bytes, media: Media) -> None:
    assert media_of([accept]) == media


def test_an_object_is_not_chosen_where_parameters_decide() -> None:
    """PostgREST prefers types with more parameters; a release that did not would answer an array."""
    assert media_of([b"application/json,application/vnd.pgrst.object+json;nulls=stripped"]) is None
    assert media_of([b"text/x-unknown, application/vnd.pgrst.object+json"]) is None


@pytest.mark.parametrize(
    ("ranges", "from_first", "limit"),
    [
        ([], True, None),
        ([b"0-"], True, None),
        ([b"0-24"], True, 25),
        ([b"0-0"], True, 1),
        ([b"0-999999999"], True, 10**9),
        ([b"0-9999999999"], False, None),
        ([b"1-24"], False, None),
        ([b"00-24"], False, None),
        ([b"items=0-24"], False, None),
        ([b"0-24,30-40"], False, None),
        ([b"0-24", b"0-24"], False, None),
        ([b"-5"], False, None),
        ([b"0-x"], False, None),
        ([b""], False, None),
    ],
)
def test_a_range_from_the_first_row_on_is_a_limit(ranges: list[bytes], from_first: bool, limit: int | None) -> None:
    assert range_limit(ranges) == (from_first, limit)


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
