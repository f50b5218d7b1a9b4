"""What bodies of functions say about who calls them, and which of them cannot be read."""

from __future__ import annotations

import pytest

from proxy.schema.routine_body import asks_who_calls, why_unread
from proxy.schema.snapshot import Function


def function(language: str, body: str) -> Function:
    return Function("public", "f", "", language, "v", definer=True, body=body)


@pytest.mark.parametrize(
    ("language", "body", "asks"),
    [
        ("sql", "delete from public.videos where owner_id = (select auth.uid())", ("auth.uid",)),
        ("sql", "select pg_catalog.current_setting('request.jwt.claims', true)", ("current_setting",)),
        ("sql", "select 'auth.uid()' -- auth.jwt()", ()),
        ("sql", "delete from public.videos", ()),
        ("plpgsql", "begin if auth.uid() is null then raise 'no'; end if; end", ("auth.uid",)),
        ("plpgsql", "declare n int := 0; begin /* auth.uid() */ perform 'auth.jwt()'; return n; end", ()),
    ],
)
def test_what_is_called_there_counts_and_no_text_and_no_comment(
    language: str, body: str, asks: tuple[str, ...]
) -> None:
    assert asks_who_calls(function(language, body)) == asks


@pytest.mark.parametrize(
    ("language", "body", "why"),
    [
        ("c", "symbol", "its body is in c"),
        ("plpython3u", "return 1", "its body is in plpython3u"),
        ("sql", "", "its SQL-standard body is not read"),
        ("sql", "select (", "its body cannot be parsed"),
        ("sql", "vacuum frobnicate", "its body cannot be parsed"),
        ("plpgsql", "begin perform 'open", "its body cannot be parsed"),
    ],
)
def test_a_body_that_cannot_be_read_has_a_reason(language: str, body: str, why: str) -> None:
    assert asks_who_calls(function(language, body)) is None
    assert why_unread(function(language, body)) == why
