"""Which parameters of similar calls vary, and what their answers had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.varying import (
    different_keys,
    has_many_rows_per_key,
    key_evidence,
    key_text,
    similar_calls,
    variation_evidence,
    with_arrays,
)
from proxy.analysis.steps import result_of
from proxy.model import Column
from proxy.postgrest.database_facts import DatabaseFacts, RelationFacts
from tests.factories import declared
from tests.rules.traces import span

if TYPE_CHECKING:
    from proxy.model import Span


def spans(*lines: str, rows: int = 1) -> list[Span]:
    return [span(line, number, rows=rows) for number, line in enumerate(lines, 1)]


def test_every_eq_filter_that_varies_is_a_key() -> None:
    calls = spans(*(f"GET /t?a=eq.{n % 2}&b=eq.{n}&c=eq.x&d=is.null" for n in range(6)), rows=3)
    seen = result_of(similar_calls(parse_fingerprint(calls[0].fingerprint), calls))
    assert key_text(seen) == "a and b"
    assert (seen.kinds, seen.others, seen.constant, seen.rows) == (("integer", "integer"), (), ("c=eq",), 4)
    assert different_keys(seen, calls) == 6
    assert key_evidence(seen, calls) == "6 requests differ only in a, b, with 6 different keys"
    assert variation_evidence(seen) == "values that vary: a=eq, b=eq; the same in all calls: c=eq"


def test_what_varies_and_is_no_eq_filter_is_told_apart() -> None:
    calls = spans(*(f"GET /t?id=eq.{n}&at=gt.{n}&or=(a.eq.{n},b.is.null)&k.x=eq.{n}" for n in range(6)))
    seen = result_of(similar_calls(parse_fingerprint(calls[0].fingerprint), calls))
    assert seen.others == ("at=gt", "or=(a.eq.?,b.is.null)", "k.x=eq")


def test_a_limit_is_known_if_it_is_one_and_pages_are_seen() -> None:
    for lines, limit, paged in (
        ([f"GET /t?id=eq.{n}&limit=2" for n in range(5)], 2, False),
        ([f"GET /t?id=eq.{n}&limit={n + 1}" for n in range(5)], None, True),
        ([f"GET /t?id=eq.{n}&limit=2&offset=4" for n in range(5)], 2, True),
        ([f"GET /t?id=eq.{n}" for n in range(5)], None, False),
    ):
        calls = spans(*lines)
        seen = result_of(similar_calls(parse_fingerprint(calls[0].fingerprint), calls))
        assert (seen.limit, seen.paged) == (limit, paged)


def test_a_name_that_makes_the_parameters_ambiguous_makes_all_of_them_vary() -> None:
    calls = spans(*(f"GET /t?a%26b=eq.x&id=eq.{n}" for n in range(5)))
    seen = result_of(similar_calls(parse_fingerprint(calls[0].fingerprint), calls))
    assert seen.others


@pytest.mark.parametrize(
    ("query", "rows", "media", "many"),
    [
        ("t?user_id=eq.{}", 1, "", False),
        ("t?user_id=ilike.{}", 1, "", True),
        ("t?user_id=eq.{}", 1, "object", False),
        ("t?user_id=eq.{}&order=at", 1, "object", False),
        ("t?id=eq.{}", 1, "", False),
        ("t?id=eq.{}", 3, "", True),
        ("t?id=eq.{}&order=at", 1, "", True),
    ],
)
def test_a_key_may_have_many_rows_if_an_answer_had_several_or_has_an_order(
    query: str, rows: int, media: str, many: bool
) -> None:
    calls = [replace(one, media=media) for one in spans(*(f"GET /{query.format(n)}" for n in range(5)), rows=rows)]
    seen = result_of(similar_calls(parse_fingerprint(calls[0].fingerprint), calls))
    assert has_many_rows_per_key(seen, DatabaseFacts()) is many


def test_the_database_knows_which_keys_are_unique() -> None:
    calls = spans(*(f"GET /t?code=eq.{n}" for n in range(5)))
    seen = result_of(similar_calls(parse_fingerprint(calls[0].fingerprint), calls))
    assert not has_many_rows_per_key(seen, declared("t", "id,code", "id", unique="code"))
    assert not has_many_rows_per_key(seen, declared("t", "id,code", "code"))
    assert has_many_rows_per_key(seen, declared("t", "id,code", "id", "code"))
    facts = declared("t", "id,code", "id", "code")
    described = replace(facts.relations["public.t"], complete=False)
    assert not has_many_rows_per_key(seen, replace(facts, relations={"public.t": described}))


def test_the_database_knows_which_keys_are_arrays() -> None:
    calls = spans(*(f"GET /t?tags=eq.{{a{n}}}&kind=eq.k{n}" for n in range(5)))
    seen = result_of(similar_calls(parse_fingerprint(calls[0].fingerprint), calls))
    assert with_arrays(seen, DatabaseFacts()) is with_arrays(seen, declared("t", "tags,kind")) is seen
    columns = {b"tags": Column("text[]"), b"kind": Column("text")}
    facts = DatabaseFacts(relations={"public.t": RelationFacts(columns=columns)})
    assert with_arrays(seen, facts).kinds == ("array", "text")
