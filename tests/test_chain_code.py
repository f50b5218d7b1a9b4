"""The calls that a fingerprint stands for: a name for each value, a method for each filter."""

from __future__ import annotations

import pytest

from proxy.postgrest.chain_code import (
    camel_case,
    free_name,
    js_chain,
    js_filter,
    left_out,
    named,
    py_chain,
    py_filter,
    snake_case,
)
from proxy.postgrest.shown import Filter, read_fingerprint


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
    assert named(shown, camel=True, bounds=True).arguments == "_class, _1a, a, a_2, value, limit"
    assert named(shown, camel=True, taken=("a",)).filters[2] == "a_2"
    assert free_name("Data", set()) == "_Data"


def test_camels_and_snakes() -> None:
    assert (camel_case("creator_id"), camel_case("read the table")) == ("creatorId", "readTheTable")
    assert (snake_case("creatorId"), snake_case("read the-table")) == ("creator_id", "read_the_table")


def test_calls_are_the_query_and_what_has_none_is_told() -> None:
    shown = read_fingerprint("GET t?select=x&a=eq.?&or=(b.is.null)&order=x.desc")
    calls = ['.from("t")', '.select("x")', '.eq("a", a)', '.order("x", { ascending: false })']
    assert js_chain(named(shown, camel=True)) == calls
    python = ['supabase.table("t")', '.select("x")', '.eq("a", a)', '.order("x", desc=True)']
    assert py_chain(named(shown, camel=False)) == python
    assert list(left_out(shown)) == ["or=(b.is.null)"]
