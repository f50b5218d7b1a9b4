"""Identifiers are quoted where SQL needs it, and only there."""

from __future__ import annotations

import pytest

from proxy.schema.names import qualified, quoted


@pytest.mark.parametrize("name", ["videos", "_a1$", "status"])
def test_a_plain_name_is_not_quoted(name: str) -> None:
    assert quoted(name) == name


@pytest.mark.parametrize("name", ["Videos", "a b", "1a", "order", "select", "é", "", "a;b"])
def test_another_name_is_quoted(name: str) -> None:
    assert quoted(name) == f'"{name}"'


def test_a_quote_in_a_name_is_doubled() -> None:
    assert qualified("public", 'a"; drop table b') == 'public."a""; drop table b"'


def test_a_name_with_a_line_break_is_written_in_one_line() -> None:
    assert quoted("a\n; drop \\") == 'U&"a\\+00000A; drop \\\\"'
