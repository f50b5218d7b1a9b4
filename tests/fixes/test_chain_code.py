"""A fingerprint becomes a chain of client calls: a name per value, a method per filter."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import Filter, parse_fingerprint
from proxy.fixes.chain_code import (
    js_chain,
    js_filter,
    name_values,
    py_chain,
    py_filter,
    row_property,
    select_with,
    unsupported_params,
    unsupported_row_params,
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
def test_a_filter_uses_the_client_method_if_there_is_one(operator: str, script: str, python: str) -> None:
    condition = Filter("a", operator, 0)
    assert (js_filter(condition, "v"), py_filter(condition, "v")) == (script, python)


def test_an_is_filter_needs_no_argument() -> None:
    assert js_filter(Filter("a", "is.null", 0), "") == 'is("a", null)'
    assert py_filter(Filter("a", "not.is.true", 0), "") == 'not_.is_("a", "true")'


def test_names_are_unique_identifiers() -> None:
    parsed = parse_fingerprint("GET t?class=eq.?&1a=eq.?&a=gte.?&a=lt.?&\u65e5=eq.?&b=is.null&limit=?")
    assert name_values(parsed, camel=True, bounds=True).arguments == ["_class", "_1a", "a", "a_2", "value", "limit"]
    assert name_values(parsed, camel=True, used=("a",)).filters[2] == "a_2"


def test_the_calls_are_those_of_the_query_and_other_parameters_are_listed() -> None:
    parsed = parse_fingerprint("GET t?select=x&a=eq.?&or=(b.is.null)&order=x.desc")
    calls = ['.from("t")', '.select("x")', '.eq("a", a)', '.order("x", { ascending: false })']
    assert js_chain(name_values(parsed, camel=True)) == calls
    python = ['supabase.table("t")', '.select("x")', '.eq("a", a)', '.order("x", desc=True)']
    assert py_chain(name_values(parsed, camel=False)) == python
    assert list(unsupported_params(parsed)) == ["or=(b.is.null)"]


def test_limit_and_offset_are_the_last_call_on_request() -> None:
    parsed = parse_fingerprint("GET t?order=x&limit=?&offset=?")
    for camel, chain in ((True, js_chain), (False, py_chain)):
        assert chain(name_values(parsed, camel, bounds=True))[-1] == ".range(offset, offset + limit - 1)"
        assert chain(name_values(parsed, camel))[-1].startswith('.order("x"')


def test_unsupported_row_params_exclude_those_of_the_body() -> None:
    parsed = parse_fingerprint("PATCH t?columns=a,b&or=(b.is.null)&on_conflict=c")
    assert len(list(unsupported_params(parsed))) == 3
    assert unsupported_row_params(parsed) == ["or=(b.is.null)"]


@pytest.mark.parametrize(
    ("select", "parsed"),
    [("*", "*"), ("a", "id,a"), ("id,a", "id,a"), ("a,kids(*)", "id,a,kids(*)")],
)
def test_a_select_has_a_column_once(select: str, parsed: str) -> None:
    assert select_with(select, ["id"]) == parsed


def test_a_json_path_is_selected_in_addition_to_all_columns_and_named_by_its_last_step() -> None:
    assert select_with("*", ["data->>k", "id"]) == "data->>k,*"
    assert [row_property(name) for name in ("id", "data->>k", "data->a->>k", "data->k")] == ["id", "k", "k", "k"]


def test_a_schema_is_selected_unless_it_is_the_clients_default() -> None:
    own, other = name_values(parse_fingerprint("GET t"), True), name_values(parse_fingerprint('GET a"b.t'), True)
    assert (js_chain(own)[0], py_chain(own)[0]) == ('.from("t")', 'supabase.table("t")')
    assert js_chain(other)[0] == '.schema("a\\"b").from("t")'
    assert py_chain(other)[0] == 'supabase.schema("a\\"b").table("t")'
