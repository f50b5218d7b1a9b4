"""The target of a merged call: the filter and the select change, every other byte stays."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.set_filter import (
    hidden_columns,
    merged_limit,
    merged_target,
    needs_list_quotes,
    set_filter,
)
from tests.factories import query


def merged(target: str, *literals: bytes) -> bytes:
    read = query(target)
    key = read.keys[0]
    limit = None if read.limit is None else merged_limit(read.limit[0], len(literals))
    return merged_target(read, key, hidden_columns(b"A", key.name, ()), limit, literals)


def test_a_list_without_special_literals_is_bare() -> None:
    assert set_filter([b"1", b"-2"]) == b"in.(1,-2)"
    assert set_filter([b"a b", "é".encode(), b'x"', b"null", b"a&b;c", b"\\"]) == (
        b"in.(a%20b,%C3%A9,x%22,null,a%26b%3Bc,%5C)"
    )


def test_literals_that_need_quotes_are_written_as_an_array() -> None:
    assert set_filter([b""]) == b"eq(any).%7B%22%22%7D"
    assert set_filter([b"a,b", b'"', b"\\"]) == b"eq(any).%7B%22a%2Cb%22,%22%5C%22%22,%22%5C%5C%22%7D"


@pytest.mark.parametrize("literal", [b"", b" a", b"\ta", b"\na", b'"a"', b"a,b", b"a)"])
def test_a_literal_with_another_meaning_in_a_list_needs_quotes(literal: bytes) -> None:
    assert needs_list_quotes(literal)


@pytest.mark.parametrize("literal", [b"a", b"a b ", b'a"b', b"(a", b"{a}", b"\\", b"null"])
def test_a_literal_with_the_same_meaning_in_a_list_needs_no_quotes(literal: bytes) -> None:
    assert not needs_list_quotes(literal)


def test_hidden_columns_are_cast_to_text_except_json_text_paths() -> None:
    assert hidden_columns(b"A", b"id", ()) == b"A:id::text"
    assert hidden_columns(b"A", b"d->>k", (b"at", b"d->x->>y")) == b"A:d-%3E%3Ek,A0:at::text,A1:d-%3Ex-%3E%3Ey"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/t?id=eq.1", b"/t?select=A:id::text,*&id=in.(1,2)"),
        ("/t?select=a,b&id=eq.1", b"/t?select=A:id::text,a,b&id=in.(1,2)"),
        ("/t?id=eq.1&select=*&x=gt.1", b"/t?id=in.(1,2)&select=A:id::text,*&x=gt.1"),
        ("/t?%73elect=a&id=eq.1", b"/t?%73elect=A:id::text,a&id=in.(1,2)"),
        ("/t?&id=eq.1&", b"/t?select=A:id::text,*&&id=in.(1,2)&"),
        ("/t?limit=1&id=eq.1", b"/t?select=A:id::text,*&limit=3&id=in.(1,2)"),
        ("/t?i%64=eq.%31", b"/t?select=A:id::text,*&i%64=in.(1,2)"),
        ("/t?id=in.(1)&order=a", b"/t?select=A:id::text,*&id=in.(1,2)&order=a"),
        ("/t?id=eq.1&limit=50&order=a", b"/t?select=A:id::text,*&id=in.(1,2)&limit=101&order=a"),
    ],
)
def test_the_hidden_column_comes_first_and_the_list_replaces_the_filter(target: str, expected: bytes) -> None:
    assert merged(target, b"1", b"2") == expected
