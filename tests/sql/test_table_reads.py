"""What a SELECT asks of each table: tests with constants, joins, and the order of one table."""

from __future__ import annotations

import pytest

from proxy.sql.expressions import UnwritableError
from proxy.sql.relationships import DeclaredSchema
from proxy.sql.table_reads import ColumnOrder, ColumnTest, TableRead, table_reads

DECLARED = DeclaredSchema(
    columns={
        ("public", "t"): {"id": "int", "a": "int", "b": "text", "at": "date"},
        ("public", "u"): {"id": "int", "t_id": "int", "name": "text"},
    }
)
T, U = ("public", "t"), ("public", "u")


def test_tests_order_and_limit_of_one_table() -> None:
    text = "select * from t where a = 1 and (b in ('x', 'y') and at > $1) and 5 > id order by at desc, id limit 3"
    assert table_reads(text, DECLARED) == [
        TableRead(
            T,
            (ColumnTest("a", "eq", "1"), ColumnTest("b", "in"), ColumnTest("at", "gt"), ColumnTest("id", "lt", "5")),
            (),
            (ColumnOrder("at", True), ColumnOrder("id")),
            True,
        )
    ]


def test_a_joined_table_may_be_read_first_or_for_each_row_of_the_other() -> None:
    text = "select * from t join public.u x on x.t_id = t.id where x.name = 'n' order by t.at"
    order = (ColumnOrder("at"),)
    assert table_reads(text, DECLARED) == [
        TableRead(T, (), (), order),
        TableRead(T, (), ("id",)),
        TableRead(U, (ColumnTest("name", "eq", "n"),)),
        TableRead(U, (ColumnTest("name", "eq", "n"),), ("t_id",)),
    ]


def test_subqueries_are_read_and_or_and_not_are_no_tests() -> None:
    text = "select 1 from t where (a = 1 or a = 2) and not b = 'x' and id in (select t_id from u where name = 'n')"
    tables = [(read.table, read.tests) for read in table_reads(text, DECLARED)]
    assert (U, (ColumnTest("name", "eq", "n"),)) in tables
    assert all(test.column == "id" for table, tests in tables if table == T for test in tests)


@pytest.mark.parametrize("text", ["update t set a = 1", "select 1; select 2", "not sql at all (", "drop table t"])
def test_another_statement_is_refused(text: str) -> None:
    with pytest.raises(UnwritableError):
        table_reads(text, DECLARED)


def test_tables_that_are_not_known_are_left_out() -> None:
    assert table_reads("select * from pg_class where relname = 'x'", DECLARED) == []


def test_the_columns_that_are_needed_are_those_of_the_select_and_of_subqueries_that_refer_to_it() -> None:
    text = (
        """select t.a, count(*) from t where exists (select * from u where u.t_id = t.id and name = 'n') group by t.a"""
    )
    outer, inner, joined = table_reads(text, DECLARED)
    assert (outer.table, outer.needed, outer.order, outer.grouped) == (T, ("a", "id"), (ColumnOrder("a"),), True)
    assert (inner.table, inner.needed, inner.grouped) == (U, ("t_id", "name"), False)
    assert (joined.joined, joined.needed) == (("t_id",), ("t_id", "name"))


@pytest.mark.parametrize("text", ["select * from t where a = 1", "select t.* from t where a = 1"])
def test_a_select_of_all_columns_needs_them_all(text: str) -> None:
    assert [read.needed for read in table_reads(text, DECLARED)] == [()]


def test_a_group_is_no_order_of_rows_that_a_limit_stops() -> None:
    (read,) = table_reads("select a, sum(id) from t group by a order by sum(id) desc limit 5", DECLARED)
    assert (read.order, read.limited, read.needed) == ((ColumnOrder("a"),), False, ("a", "id"))
    (read,) = table_reads("select 1 from t group by a, id + 1", DECLARED)
    assert read.order == ()
