"""A fingerprint becomes a chain of client calls: a name per value, a method per filter."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import Filter, parse_fingerprint
from proxy.fixes.clients.chain_code import (
    has_column,
    js_chain,
    name_values,
    py_chain,
    row_property,
    select_with,
    unsupported_params,
    unsupported_row_params,
)
from proxy.fixes.clients.filter_code import filter_js, filter_py


@pytest.mark.parametrize(
    ("operator", "script", "python"),
    [
        ("eq", 'eq("a", v)', 'eq("a", v)'),
        (
            "in",
            'filter("a", "in", `(${v.map(quoted).join()})`)',
            'filter("a", "in", "(" + ",".join(map(quoted, v)) + ")")',
        ),
        (
            "not.in",
            'not("a", "in", `(${v.map(quoted).join()})`)',
            'not_.filter("a", "in", "(" + ",".join(map(quoted, v)) + ")")',
        ),
        ("not.eq", 'not("a", "eq", v)', 'not_.eq("a", v)'),
        ("not.like", 'not("a", "like", v)', 'not_.like("a", v)'),
        ("isdistinct", 'filter("a", "isdistinct", v)', 'filter("a", "isdistinct", v)'),
        ("fts", 'filter("a", "fts", v)', 'filter("a", "fts", v)'),
    ],
)
def test_a_filter_uses_the_client_method_if_there_is_one(operator: str, script: str, python: str) -> None:
    condition = Filter("a", operator, 0)
    assert (filter_js(condition, "v"), filter_py(condition, "v")) == (script, python)


def test_an_is_filter_needs_no_argument() -> None:
    assert filter_js(Filter("a", "is.null", 0), "") == 'is("a", null)'
    assert filter_py(Filter("a", "not.is.true", 0), "") == 'not_.is_("a", "true")'
    assert filter_js(Filter("a", "is.unknown", 0), "") == 'filter("a", "is", "unknown")'


def test_names_are_unique_identifiers() -> None:
    parsed = parse_fingerprint("GET t?class=eq.?&1a=eq.?&a=gte.?&a=lt.?&\u65e5=eq.?&b=is.null&limit=?")
    assert name_values(parsed, camel=True, bounds=True).arguments == ["_class", "_1a", "a", "a_2", "value", "limit"]
    assert name_values(parsed, camel=True, used=("a",)).filters[2] == "a_2"


def test_the_calls_are_those_of_the_query() -> None:
    parsed = parse_fingerprint("GET t?select=x&a=eq.?&or=(b.is.null)&kid.limit=?&order=x.desc.nullslast")
    assert js_chain(name_values(parsed, camel=True)) == [
        *('.from("t")', '.select("x")', '.eq("a", a)', ".or(`b.is.null`)"),
        *('.limit(kidLimit, { referencedTable: "kid" })', '.order("x", { ascending: false, nullsFirst: false })'),
    ]
    assert py_chain(name_values(parsed, camel=False)) == [
        *('supabase.table("t")', '.select("x")', '.eq("a", a)', '.or_("b.is.null".format())'),
        *('.limit(kid_limit, foreign_table="kid")', '.order("x", desc=True, nullsfirst=False)'),
    ]


@pytest.mark.parametrize(
    ("params", "args", "js"),
    [
        ("or=(a.eq.?,b.in.?)", ["a", "bList"], "`a.eq.${quoted(a)},b.in.(${bList.map(quoted).join()})`"),
        (
            "and=(a.gt.?,not.or(b.eq.?,c.is.null))",
            ["a", "b"],
            "`and(a.gt.${quoted(a)},not.or(b.eq.${quoted(b)},c.is.null))`",
        ),
        ("not.or=(a.eq.?)", ["a"], "`not.or(a.eq.${quoted(a)})`"),
        ("or=(a.fts(?).?)", ["aLanguage", "a"], "`a.fts(${aLanguage}).${quoted(a)}`"),
        ("kid.or=(a.eq.?)", ["a"], '`a.eq.${quoted(a)}`, { referencedTable: "kid" }'),
    ],
)
def test_a_logic_tree_is_one_call_with_an_argument_per_value(params: str, args: list[str], js: str) -> None:
    read = name_values(parse_fingerprint(f"GET t?{params}"), camel=True)
    assert read.arguments == args
    assert js_chain(read)[-1] == f".or({js})"


@pytest.mark.parametrize("param", ["a=?", "or=(a.eq.?,?)", "or=(or(?))", "kid.offset=?", "offset=?", "a=not.?"])
def test_what_no_method_expresses_is_named(param: str) -> None:
    assert unsupported_params(parse_fingerprint(f"GET t?{param}"))


def test_a_column_is_in_the_rows_if_nothing_else_has_its_name() -> None:
    for select, has in (
        ("*", True),
        ("id", True),
        ("a", False),
        ("id:a", False),
        ("id::text", False),
        ("*,id:k(*)", False),
    ):
        assert has_column(select, "id") is has


def test_limit_and_offset_are_the_last_call_on_request() -> None:
    parsed = parse_fingerprint("GET t?order=x&limit=?&offset=?")
    for camel, chain in ((True, js_chain), (False, py_chain)):
        assert chain(name_values(parsed, camel, bounds=True))[-1] == ".range(offset, offset + limit - 1)"
        assert chain(name_values(parsed, camel))[-1].startswith('.order("x"')


def test_a_write_has_no_limit_of_its_own() -> None:
    parsed = parse_fingerprint("PATCH t?columns=a,b&or=(b.is.null)&on_conflict=c&limit=?")
    assert not unsupported_params(parsed)
    assert unsupported_row_params(parsed) == ["limit=?"]


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
