"""The keys of rows: hashed as the literals of filters are, of whatever columns are keys by name, within bounds."""

from __future__ import annotations

import json

import pytest

from proxy.analysis.row_keys import MOST_BYTES, MOST_ROWS, row_keys


def digest(text: bytes) -> int:
    return int.from_bytes(text, "big")


ONE, TWO = digest(b"1"), digest(b"2")
UUID = "00000000-0000-4000-8000-000000000001"


def test_each_row_has_a_hash_for_each_of_its_key_columns_in_order() -> None:
    body = json.dumps([{"id": 1, "kid_id": UUID, "name": "a"}, {"id": 2, "kid_id": None, "name": "b"}]).encode()
    assert row_keys(body, digest) == (("id", (ONE, TWO)), ("kid_id", (digest(UUID.encode()), 0)))


def test_one_object_is_one_row() -> None:
    assert row_keys(b'{"id":1,"idle":3}', digest) == (("id", (ONE,)),)


def test_a_row_without_the_column_has_0_and_so_has_an_object_in_it() -> None:
    assert row_keys(b'[{"id":1},{},{"id":{"a":1}},{"id":[1]}]', digest) == (("id", (ONE, 0, 0, 0)),)


@pytest.mark.parametrize("body", [b"", b"[]", b"[1]", b"{", b'[{"a":1}]', b"id,name\n1,a\n", b'"id"', b"\xff"])
def test_what_shows_no_keys_has_none(body: bytes) -> None:
    assert row_keys(body, digest) == ()


def test_a_large_body_is_not_read_and_of_many_rows_the_first_are_kept() -> None:
    assert row_keys(b'[{"id":1}' + b" " * MOST_BYTES + b"]", digest) == ()
    ((_, found),) = row_keys(json.dumps([{"id": 1}] * (MOST_ROWS + 1)).encode(), digest)
    assert found == (ONE,) * MOST_ROWS
