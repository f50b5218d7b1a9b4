"""The calls that a fingerprint stands for: a name for each value, a method for each filter."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import Filter, read_fingerprint
from proxy.fixes.chain_code import (
    js_chain,
    js_filter,
    left_out,
    member_of,
    named,
    py_chain,
    py_filter,
    rows_left_out,
    showing,
)


@pytest.mark.parametrize(
    ("operator", "script", "python"),
    [
        ("eq", 'eq("a", v)', 'eq("a", v)'),
        ("in", 'in("a", v)', 'in_("a", v)'),
        ("not.eq", 'not("a", "eq", v)', 'not_.eq("a", v)'),
        ("fts", 'filter("a", "fts", v)', 'filter("a", "fts", v)'),
    ],
)
def test_a_filter_is_its_method_where_there_is_one(operator: str, script: str, python: str) -> None:
    condition = Filter("a", operator, 0)
    assert (js_filter(condition, "v"), py_filter(condition, "v")) == (script, python)


def test_a_word_needs_no_value() -> None:
    assert js_filter(Filter("a", "is.null", 0), "") == 'is("a", null)'
    assert py_filter(Filter("a", "not.is.true", 0), "") == 'not_.is_("a", "true")'


def test_names_are_identifiers_and_each_its_own() -> None:
    shown = read_fingerprint("GET t?class=eq.?&1a=eq.?&a=gte.?&a=lt.?&\u65e5=eq.?&b=is.null&limit=?")
    assert named(shown, camel=True, bounds=True).arguments == ["_class", "_1a", "a", "a_2", "value", "limit"]
    assert named(shown, camel=True, taken=("a",)).filters[2] == "a_2"


def test_calls_are_the_query_and_what_has_none_is_told() -> None:
    shown = read_fingerprint("GET t?select=x&a=eq.?&or=(b.is.null)&order=x.desc")
    calls = ['.from("t")', '.select("x")', '.eq("a", a)', '.order("x", { ascending: false })']
    assert js_chain(named(shown, camel=True)) == calls
    python = ['supabase.table("t")', '.select("x")', '.eq("a", a)', '.order("x", desc=True)']
    assert py_chain(named(shown, camel=False)) == python
    assert list(left_out(shown)) == ["or=(b.is.null)"]


def test_limit_and_offset_are_the_last_calls_where_they_are_wanted() -> None:
    shown = read_fingerprint("GET t?order=x&limit=?&offset=?")
    for camel, chain in ((True, js_chain), (False, py_chain)):
        assert chain(named(shown, camel, bounds=True))[-1] == ".range(offset, offset + limit - 1)"
        assert chain(named(shown, camel))[-1].startswith('.order("x"')


def test_what_a_body_has_is_left_out_where_only_rows_matter() -> None:
    shown = read_fingerprint("PATCH t?columns=a,b&or=(b.is.null)&on_conflict=c")
    assert len(list(left_out(shown))) == 3
    assert rows_left_out(shown) == ["or=(b.is.null)"]


@pytest.mark.parametrize(
    ("select", "shown"),
    [("*", "*"), ("a", "id,a"), ("id,a", "id,a"), ("a,kids(*)", "id,a,kids(*)")],
)
def test_a_select_shows_a_column_once(select: str, shown: str) -> None:
    assert showing(select, ["id"]) == shown


def test_a_path_into_json_is_selected_beside_all_columns_and_called_by_its_last_step() -> None:
    assert showing("*", ["data->>k", "id"]) == "data->>k,*"
    assert [member_of(name) for name in ("id", "data->>k", "data->a->>k", "data->k")] == ["id", "k", "k", "k"]


def test_a_schema_is_chosen_where_it_is_not_the_clients_own() -> None:
    own, other = named(read_fingerprint("GET t"), True), named(read_fingerprint('GET a"b.t'), True)
    assert (js_chain(own)[0], py_chain(own)[0]) == ('.from("t")', 'supabase.table("t")')
    assert js_chain(other)[0] == '.schema("a\\"b").from("t")'
    assert py_chain(other)[0] == 'supabase.schema("a\\"b").table("t")'
