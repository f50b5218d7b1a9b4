"""The merged target: two edits, every other byte where it was."""

from __future__ import annotations

import pytest

from proxy.postgrest.set_filter import hidden_column, in_list, merged_target
from tests.made import query


def merged(target: str, *literals: bytes) -> bytes:
    read = query(target)
    key = read.keys[0]
    return merged_target(read, key, hidden_column(b"A", key.name), literals)


def test_a_list_is_bare() -> None:
    assert in_list([b"1", b"-2"]) == b"in.(1,-2)"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/t?id=eq.1", b"/t?select=A:id::text,*&id=in.(1,2)"),
        ("/t?select=a,b&id=eq.1", b"/t?select=A:id::text,a,b&id=in.(1,2)"),
        ("/t?id=eq.1&select=*&x=gt.1", b"/t?id=in.(1,2)&select=A:id::text,*&x=gt.1"),
        ("/t?%73elect=a&id=eq.1", b"/t?%73elect=A:id::text,a&id=in.(1,2)"),
        ("/t?&id=eq.1&", b"/t?select=A:id::text,*&&id=in.(1,2)&"),
        ("/t?limit=1&id=eq.1", b"/t?select=A:id::text,*&limit=3&id=in.(1,2)"),
        ("/t?id=eq.1&limit=50&order=a", b"/t?select=A:id::text,*&id=in.(1,2)&limit=101&order=a"),
    ],
)
def test_the_hidden_column_comes_first_and_the_list_stands_for_the_literal(target: str, expected: bytes) -> None:
    assert merged(target, b"1", b"2") == expected
