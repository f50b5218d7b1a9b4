"""A file of SQL is split into its statements, each with what the comments above it say."""

from __future__ import annotations

import pytest

from proxy.sql.sql_file import SqlFileError, read_statements

FILE = """\
-- Reports of the back office.
-- calls: 120, ms: 3.5
-- role: authenticated, claims: {"sub": "a;b", "n": {"x": 1}}
select ';' as "semi;colon" -- calls: 7
from t;

/* calls: 9 */ select 2;
;
-- calls: 3
select $$ -- calls: 8
$$
"""


def test_each_statement_has_its_notes() -> None:
    first, second, third = read_statements(FILE)
    assert first.text.startswith("select ';'")
    assert (first.line, first.calls, first.milliseconds, first.role) == (4, 120, 3.5, "authenticated")
    assert first.claims == {"sub": "a;b", "n": {"x": 1}}
    assert (second.text, second.calls, second.role, second.claims) == ("select 2", 1, "", {})
    assert (third.calls, third.text) == (3, "select $$ -- calls: 8\n$$")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-- claims: {'sub': 1}\nselect 1", "line 2: the claims above it are not JSON"),
        ("-- calls: many\nselect 1", 'line 2: write "-- calls: 120'),
        ("select 'open", "cannot be split"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(SqlFileError, match=said):
        list(read_statements(text))


def test_an_empty_file_has_no_statement() -> None:
    assert list(read_statements("-- nothing\n")) == []
