"""Values of a column are found in the bytes of answers, in their order, whatever compressed them."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest

from proxy.path.kept.remembered import MAX_ANSWER, RememberedAnswer, ValueSource

if TYPE_CHECKING:
    from collections.abc import Callable


def rows(*values: object, name: str = "id", **more: object) -> bytes:
    return json.dumps([{name: value, **more} for value in values], separators=(",", ":")).encode()


def source(*bodies: bytes, relation: str = "public.trackings") -> ValueSource:
    made = ValueSource("GET trackings", relation)
    for body in bodies:
        made.add(RememberedAnswer(body))
    return made


def expected(made: ValueSource, before: bytes, text: bytes, most: int = 100, key: str = "tracking_id") -> list[bytes]:
    place = made.place_of(text, before, key)
    return [] if place is None else list(made.following(place, most))


def test_the_values_after_two_that_stand_in_order_follow() -> None:
    assert expected(source(rows(1, 2, 3, 4, 5)), b"1", b"2", 2) == [b"3", b"4"]
    assert expected(source(rows(1, 2, 3, 4, 5)), b"2", b"4") == [b"5"]
    assert expected(source(rows(1, 2, 3)), b"2", b"1") == []
    assert expected(source(rows(1, 2, 3)), b"2", b"9") == []


@pytest.mark.parametrize("values", [("a", "b", "c"), ('say "x"', "back\\slash", "é, ü & more")])
def test_texts_are_found_as_filters_spell_them(values: tuple[str, ...]) -> None:
    first, second, third = (value.encode() for value in values)
    body = json.dumps([{"id": value} for value in values], ensure_ascii=False).replace(": ", ":").encode()
    assert expected(source(body), first, second) == [third]


def test_nulls_and_what_is_no_key_are_left_out_and_repeated_values_are_counted() -> None:
    made = source(rows(1, 2, None, 3, 3, 2, 4.5, True, [1], 4))
    place = made.place_of(b"2", b"1", "tracking_id")
    assert place is not None
    assert made.following(place, 10) == {b"3": 2, b"4": 1}
    assert made.left(place) == 3


def test_a_place_moves_to_the_next_row_with_the_value() -> None:
    made = source(rows(1, 2, 1, 3))
    place = made.place_of(b"2", b"1", "tracking_id")
    assert place is not None
    again = made.next_place(place, b"1")
    assert again is not None
    assert again.row == 2
    assert made.next_place(again, b"1") is None


def test_the_column_that_is_named_like_the_filter_comes_first() -> None:
    body = json.dumps([{"rank": n, "id": n, "tracking_id": n} for n in (1, 2, 3)], separators=(",", ":")).encode()
    for key, column in (("tracking_id", "tracking_id"), ("rank", "rank"), ("video_id", "id")):
        place = source(body, relation="public.videos").place_of(b"2", b"1", key)
        assert place is not None
        assert place.column == column


def test_the_values_go_on_in_the_next_answer_to_the_same_query() -> None:
    made = source(rows(1, 2), rows(3), rows(4, 5))
    assert expected(made, b"1", b"2") == [b"3", b"4", b"5"]
    assert expected(made, b"2", b"3") == [b"4", b"5"]


def test_the_rows_of_an_embed_are_one_column_across_rows() -> None:
    body = b'[{"id":1,"videos":[{"id":10},{"id":11}]},{"id":2,"videos":[]},{"id":3,"videos":[{"id":12}]},{"id":4}]'
    assert expected(source(body), b"10", b"11") == [b"12"]
    assert expected(source(body), b"1", b"2") == [b"3", b"4"]
    one = b'[{"id":1,"creator":{"key": "a"}},{"id":2,"creator":null},{"creator":{"key": "b"}},{"creator":{"key": "c"}}]'
    assert expected(source(one), b"a", b"b") == [b"c"]


def test_one_object_is_one_row() -> None:
    made = source(b'{"id":1}', b'{"id":2}', b'{"id":3}')
    assert expected(made, b"1", b"2") == [b"3"]


def test_what_was_forgotten_first_is_not_found_and_places_stay_right() -> None:
    made = source(rows(1, 2), rows(3, 4, 5))
    place = made.place_of(b"4", b"3", "tracking_id")
    assert place is not None
    size = made.size
    assert size - made.forget_first() == made.size
    assert list(made.following(place, 5)) == [b"5"]
    assert made.place_of(b"2", b"1", "tracking_id") is None


@pytest.mark.parametrize(("coding", "compress"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_compressed_answer_is_read(coding: bytes, compress: Callable[[bytes], bytes]) -> None:
    made = ValueSource("GET t", "public.t")
    made.add(RememberedAnswer(compress(rows(1, 2, 3)), coding))
    assert expected(made, b"1", b"2") == [b"3"]


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"[{", b""),
        (b"id,name\n1,a\n2,b", b""),
        (b"[1,2]", b""),
        (b'[{"id":1},{"id":2},', b""),
        (gzip.compress(rows(1, 2, 3))[:-9], b"gzip"),
        (gzip.compress(b" " * MAX_ANSWER + rows(1, 2, 3)), b"gzip"),
        (rows(1, 2, 3), b"br"),
        (rows(1, 2, 3), b"gzip"),
    ],
    ids=["a row", "csv", "numbers", "cut", "cut gzip", "long gzip", "another coding", "no gzip"],
)
def test_an_answer_that_cannot_be_read_has_no_values(body: bytes, coding: bytes) -> None:
    made = ValueSource("GET t", "public.t")
    made.add(RememberedAnswer(body, coding))
    assert expected(made, b"1", b"2") == []
