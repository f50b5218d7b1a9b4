"""Rows are result by their hidden key, whatever bytes their values contain."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.postgrest.response.rows import marked_pieces, marked_rows, row_after_hidden

SEPARATOR = b", \n "
ODD = ["", '"a":1', '"j":[{"a":1}, \n {"b":2}]', '"t":"}, \\n {\\"f0\\":\\"1\\""', '"a":{"b":{}}', '"f":"{\\"f0"']


def body_of(rows: list[tuple[str, str]], separator: bytes = SEPARATOR) -> bytes:
    """A body with these keys and rows."""
    texts = [f'{{"f0":{json.dumps(key)}{"," if row else ""}{row}}}'.encode() for key, row in rows]
    return b"[" + separator.join(texts) + b"]"


@given(
    st.lists(st.tuples(st.integers().map(str), st.sampled_from(ODD)), max_size=5), st.sampled_from([SEPARATOR, b","])
)
def test_every_row_is_unchanged_without_its_hidden_key(rows: list[tuple[str, str]], separator: bytes) -> None:
    result = marked_rows(body_of(rows, separator), b"f0", separator)
    assert result == [(key.encode(), b"{" + row.encode() + b"}") for key, row in rows]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"{}",
        b"[{}]",
        b'[{"id":1}]',
        b'[{"f0":"1"}',
        b'[{"f0":"1"}]x',
        b' [{"f0":"1"}]',
        b'[{"f0":null}]',
        b'[{"f0":1}]',
        b'[{"f0":"1"},{"f0":"2"}]',
        b'[{"f0":"1"} {"f0":"2"}]',
        b'[{"f0":"1}]',
        b'[{"f0":"1""id":1}]',
        b'[{"f0":"1","id":1]',
    ],
)
def test_a_body_that_is_not_an_array_of_such_rows_gives_none(body: bytes) -> None:
    assert marked_rows(body, b"f0", SEPARATOR) is None


def test_rows_with_the_other_separator_give_none() -> None:
    rows = [("1", '"a":1'), ("2", '"a":2')]
    assert marked_pieces(body_of(rows, b","), b"f0", SEPARATOR) is None
    assert marked_pieces(body_of(rows, SEPARATOR), b"f0", b",") is None


def test_a_row_may_begin_after_several_hidden_columns() -> None:
    (piece,) = marked_pieces(b'[{"f0":"1","f00":"x","id":1}]', b"f0", SEPARATOR) or []
    assert row_after_hidden(piece, len(b'1","f00":"x"')) == b'{"id":1}'
    assert row_after_hidden(piece, 3) is None
