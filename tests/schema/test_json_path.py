from __future__ import annotations

import pytest

from proxy.schema.json_path import parse_json_path
from proxy.schema.relation import Relation, TableColumn

TABLE = Relation(
    schema="public",
    name="t",
    kind="r",
    columns=(TableColumn("meta", "jsonb"), TableColumn("Old", "json"), TableColumn("note", "text")),
)


@pytest.mark.parametrize(
    ("field", "sql", "of_type"),
    [
        ("meta->>a", "meta ->> 'a'", "text"),
        ("meta->a->>b", "meta -> 'a' ->> 'b'", "text"),
        ("meta->a->0", "meta -> 'a' -> 0", "jsonb"),
        ("Old->>it's", "\"Old\" ->> 'it''s'", "text"),
        ("meta->>-1", "meta ->> -1", "text"),
    ],
)
def test_a_path_is_the_expression_that_postgrest_writes(field: str, sql: str, of_type: str) -> None:
    path = parse_json_path(field, TABLE)
    assert path is not None
    assert (path.sql, path.type) == (sql, of_type)


@pytest.mark.parametrize("field", ["meta", "note->>a", "other->>a"])
def test_what_is_no_path_of_json_is_none(field: str) -> None:
    assert parse_json_path(field, TABLE) is None
