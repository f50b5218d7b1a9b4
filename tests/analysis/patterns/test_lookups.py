"""Conditions that look rows up one by one are keys; bounds of pages and negations are none."""

from __future__ import annotations

import pytest

from proxy.analysis.patterns.lookups import varying_lookup
from proxy.analysis.steps import result_of
from tests.rules.traces import span

KEYS = {
    "or=(and(a.eq.1,b.eq.{}),and(a.eq.{},b.eq.1))": ("or", "or"),
    "and=(a.eq.{},b.eq.1)": ("and", "and"),
    "users.or=(a.eq.{},b.eq.1)": ("users.or", "or"),
    "email=ilike.{}@x": ("email", "ilike"),
    "email=ilike(any).{{{}}}": ("email", "ilike"),
    "select=*,users!inner(id)&users.id=eq.{}": ("users.id", "eq"),
    "tags=cs.{{{}}}": ("tags", "cs"),
    "words=fts(english).{}": ("words", "fts"),
}


@pytest.mark.parametrize("query", KEYS)
def test_what_looks_up_one_thing_after_another_is_a_key(query: str) -> None:
    spans = [span(f"GET /t?{query.format(number, number)}", number) for number in range(6)]
    found = result_of(varying_lookup(spans, 5))
    assert found is not None
    assert (found.column, found.operator) == KEYS[query]
    assert result_of(varying_lookup(spans, 7)) is None


NONE = (
    "or=(at.lt.{},and(at.eq.{},id.lt.4))",
    "id=gt.{}",
    "at=lte.{}",
    "name=neq.{}",
    "name=not.ilike.{}",
    "not.or=(a.eq.{},b.eq.1)",
    "select=a{}",
    "limit={}",
    "order=a{}",
)


@pytest.mark.parametrize("query", NONE)
def test_bounds_and_negations_are_no_keys(query: str) -> None:
    spans = [span(f"GET /t?{query.format(number, number)}", number) for number in range(6)]
    assert result_of(varying_lookup(spans, 2)) is None
