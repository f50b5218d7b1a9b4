"""Columns of views that show columns of tables are found in the trees that Postgres stores."""

from __future__ import annotations

from proxy.sql.relationships import Reference
from proxy.sql.view_columns import keys_of_views, select_list, shown_columns, with_views

TABLE, VIEW, OUTER = ("s", "t"), ("s", "v"), ("s", "w")


def entry(number: int, table: int, column: int, more: str = "") -> str:
    origin = f":resorigtbl {table} :resorigcol {column} :resjunk false"
    return f"{{TARGETENTRY :expr {{VAR :varno 1}} :resno {number} {more}{origin}}}"


def tree(*entries: str, before: str = "") -> str:
    return f"({{QUERY :rtable ({before}) :targetList ({' '.join(entries)}) :limitCount <>}})"


def test_only_the_views_own_list_counts() -> None:
    inner = "{RANGETBLENTRY :subquery {QUERY :targetList (" + entry(1, 99, 9) + ")}}"
    assert select_list(tree(entry(1, 7, 2), entry(2, 0, 0), before=inner)) == {1: (7, 2)}


def test_braces_in_names_are_no_braces() -> None:
    assert select_list(tree(entry(1, 7, 2, ":resname a\\{\\}b "), entry(2, 7, 3))) == {1: (7, 2), 2: (7, 3)}


def test_a_system_column_is_no_column_of_a_table() -> None:
    ctid = -1
    assert shown_columns({8: tree(entry(1, 7, ctid))}, {7: TABLE, 8: VIEW}, {(7, 1): "id", (8, 1): "a"}) == {VIEW: {}}


def test_a_view_of_a_view_shows_the_tables_columns() -> None:
    trees = {8: tree(entry(1, 7, 2), entry(2, 0, 0)), 9: tree(entry(1, 8, 1), entry(2, 8, 2))}
    names = {7: TABLE, 8: VIEW, 9: OUTER}
    columns = {(7, 2): "id", (8, 1): "a", (8, 2): "b", (9, 1): "c", (9, 2): "d"}
    shown = shown_columns(trees, names, columns)
    assert shown == {VIEW: {"a": (TABLE, "id")}, OUTER: {"c": (TABLE, "id")}}
    assert dict(keys_of_views({TABLE: ("id",)}, shown)) == {VIEW: ("a",), OUTER: ("c",)}


def test_a_key_holds_for_the_views_that_show_all_of_it() -> None:
    key = Reference("k", ("s", "kid"), ("t_id",), TABLE, ("id",), is_single=True)
    half = Reference("two", TABLE, ("id", "gone"), ("s", "kid"), ("a", "b"))
    found = list(with_views([key, half], {VIEW: {"a": (TABLE, "id")}}))
    assert [(one.name, one.table, one.target, one.target_columns) for one in found] == [
        ("k", ("s", "kid"), TABLE, ("id",)),
        ("k", ("s", "kid"), VIEW, ("a",)),
        ("two", TABLE, ("s", "kid"), ("a", "b")),
    ]
    assert all(one.is_single for one in found[:2])
