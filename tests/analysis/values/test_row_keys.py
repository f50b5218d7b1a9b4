"""Row keys have the hashes that literals of filters have, for the columns ``id`` and ``*_id``, up to a limit."""

from __future__ import annotations

import json

import pytest

from proxy.analysis.values.row_keys import MAX_BODY_BYTES, MAX_ROWS, row_keys


def digest(text: bytes) -> int:
    return int.from_bytes(text, "big")


ONE, TWO = digest(b"1"), digest(b"2")
UUID = "00000000-0000-4000-8000-000000000001"


def test_each_row_has_a_hash_for_each_of_its_key_columns_in_order() -> None:
    body = json.dumps([{"id": 1, "kid_id": UUID, "name": "a"}, {"id": 2, "kid_id": None, "name": "b"}]).encode()
    assert row_keys(body, digest) == (("id", (ONE, TWO)), ("kid_id", (digest(UUID.encode()), 0)))


def test_one_object_is_one_row() -> None:
    assert row_keys(b'{"id":1,"idle":3}', digest) == (("id", (ONE,)),)


def test_a_missing_column_an_object_and_an_array_have_the_hash_0() -> None:
    assert row_keys(b'[{"id":1},{},{"id":{"a":1}},{"id":[1]}]', digest) == (("id", (ONE, 0, 0, 0)),)


@pytest.mark.parametrize("body", [b"", b"[]", b"[1]", b"{", b'[{"a":1}]', b"id,name\n1,a\n", b'"id"', b"\xff"])
def test_a_body_without_key_columns_has_no_row_keys(body: bytes) -> None:
    assert row_keys(body, digest) == ()


def test_a_body_above_the_limit_is_not_parsed_and_only_the_first_rows_are_kept() -> None:
    assert row_keys(b'[{"id":1}' + b" " * MAX_BODY_BYTES + b"]", digest) == ()
    ((_, hashes),) = row_keys(json.dumps([{"id": 1}] * (MAX_ROWS + 1)).encode(), digest)
    assert hashes == (ONE,) * MAX_ROWS


def test_an_answer_that_is_nested_too_deep_has_no_row_keys() -> None:
    assert row_keys(b'[{"id":1,"a":' + b"[" * 5000 + b"]" * 5000 + b"}]", digest) == ()
