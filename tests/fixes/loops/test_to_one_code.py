"""The earlier read with an embed is printed only where its answer had all that the loop asks for."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.values.joins import Join
from proxy.fixes.loops.to_one_code import is_to_one, to_one_js, to_one_name, to_one_py
from tests.fixes.seen import seen

BOOKS = parse_fingerprint("GET books?select=id,author_id&year=eq.?&order=id&limit=?")
TO_AUTHORS = Join("books_author_id_fkey", "books", "author_id", "authors", BOOKS, True, False, True)
LOOP = seen("GET authors?select=name&id=eq.?", "id")


def test_the_read_keeps_its_filters_its_order_and_its_limit() -> None:
    assert to_one_name(LOOP, TO_AUTHORS) == "readBooksWithAuthors"
    script, python = to_one_js(LOOP, TO_AUTHORS), to_one_py(LOOP, TO_AUTHORS)
    assert '.select("id,author_id,authors(name)")' in script
    assert "async function readBooksWithAuthors(year, limit) {" in script
    assert "def read_books_with_authors(year, limit):" in python
    compile(python, "fix", "exec")


@pytest.mark.parametrize(
    ("change", "loop"),
    [
        ({"owned": True}, LOOP),
        ({"shown": False}, LOOP),
        ({"first": parse_fingerprint("HEAD books?select=id,author_id")}, LOOP),
        ({"first": parse_fingerprint("GET books?select=author_id,authors(id)")}, LOOP),
        ({"first": parse_fingerprint("GET books?select=author_id&offset=?")}, LOOP),
        ({}, seen("GET authors?select=name&id=eq.?&living=is.true", "id")),
        ({}, seen("GET authors?select=name&id=eq.?&offset=?", "id")),
        ({}, seen("HEAD authors?select=name&id=eq.?", "id")),
    ],
)
def test_there_is_none_where_the_rows_might_differ(change: dict[str, Any], loop: Any) -> None:
    assert is_to_one(LOOP, TO_AUTHORS)
    assert not is_to_one(loop, replace(TO_AUTHORS, **change))
