from __future__ import annotations

import pytest

from proxy.schema.names import quoted


@pytest.mark.parametrize(
    ("name", "sql"),
    [("a_1", "a_1"), ("user", '"user"'), ('a"b', '"a""b"'), ("a\n; drop \\", 'U&"a\\+00000A; drop \\\\"')],
)
def test_a_name_is_quoted_where_sql_needs_it_and_never_has_a_line_break(name: str, sql: str) -> None:
    assert quoted(name) == sql
