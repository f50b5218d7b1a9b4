from __future__ import annotations

import pytest

from proxy.schema.compared import can_be_indexed, casts_to_index, key_of, plain_columns, serves
from proxy.schema.expression import ComparedColumn
from proxy.schema.parsing import parse_expression
from proxy.schema.relation import Index, IndexKey, Policy, Relation, TableColumn


@pytest.mark.parametrize(
    ("type_name", "base", "casts", "indexed"),
    [
        ("uuid", "", ("text",), ("text",)),
        ("character varying(20)", "", ("text",), ()),
        ("text", "", ("varchar",), ()),
        ("text", "", ("varchar(3)",), ("varchar(3)",)),
        ("integer", "", ("bigint", "text"), ("bigint", "text")),
        ("public.code", "character varying(4)", ("text",), ()),
        ("public.kind", "", ("text",), ("text",)),
        ("uuid", "", (), ()),
    ],
)
def test_casts_that_change_what_is_compared_need_an_index_of_their_own(
    type_name: str, base: str, casts: tuple[str, ...], indexed: tuple[str, ...]
) -> None:
    column = TableColumn("a", type_name, base_type=base)
    assert casts_to_index(column, ComparedColumn("a", casts)) == indexed


def test_only_casts_that_depend_on_no_setting_can_be_indexed() -> None:
    assert can_be_indexed(TableColumn("a", "uuid"), ("text",))
    assert can_be_indexed(TableColumn("a", "timestamp with time zone"), ())
    assert not can_be_indexed(TableColumn("a", "timestamp with time zone"), ("text",))
    assert key_of(TableColumn("A", "integer"), ("bigint", "text")) == '("A"::bigint::text)'


def test_an_index_serves_the_cast_that_it_has_and_no_other() -> None:
    column = TableColumn("a", "uuid")
    index = Index("public", "t", "i", "btree", (IndexKey("((a)::text)", collation="default"),))
    assert (serves(index, column, ("text",)), serves(index, column, ())) == (True, False)
    assert not serves(Index("public", "t", "i", "btree", index.keys, where="(b > 1)"), column, ("text",))
    assert not serves(Index("public", "t", "i", "btree", (IndexKey("a", "a"),)), column, ("text",))


def test_a_column_is_plainly_compared_where_no_cast_is_in_between() -> None:
    using = parse_expression("((a = 1) AND ((b)::text = 'x'::text) AND ((c)::text = 'x'::text))")
    columns = (TableColumn("a", "integer"), TableColumn("b", "uuid"), TableColumn("c", "character varying"))
    relation = Relation(
        schema="public", name="t", kind="r", columns=columns, policies=(Policy("p", True, "ALL", ("public",), using),)
    )
    assert plain_columns(relation) == {"a", "c"}
