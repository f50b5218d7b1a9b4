"""A fingerprint is parsed into its parts."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import Filter, OrderItem, describes_body, is_bounded, key_filter, parse_fingerprint


def test_a_schema_is_the_prefix_of_the_relation() -> None:
    parsed = parse_fingerprint("GET private.videos?id=eq.?")
    assert (parsed.schema, parsed.relation, parsed.name) == ("private", "videos", "private.videos")
    parsed = parse_fingerprint("GET videos?films.id=eq.?&order=a.desc")
    assert (parsed.schema, parsed.relation, parsed.name) == ("", "videos", "videos")


def test_relation_select_filters_and_order_are_separate_fields() -> None:
    parsed = parse_fingerprint("GET videos?select=id,status&tracking=eq.?&at=not.is.null&order=at.desc.nullslast,id")
    assert (parsed.method, parsed.relation, parsed.select) == ("GET", "videos", "id,status")
    assert parsed.filters == (Filter("tracking", "eq", 1), Filter("at", "not.is.null", 2))
    assert parsed.order == (OrderItem("at", True, "nullslast"), OrderItem("id", False, ""))


def test_a_bare_relation_selects_everything() -> None:
    parsed = parse_fingerprint("GET videos")
    assert (parsed.select, parsed.filters, parsed.order, parsed.rest) == ("*", (), (), ())


def test_limits_filters_on_embeds_and_logic_trees_stay_text() -> None:
    parsed = parse_fingerprint("GET t?a=eq.?&limit=?&films.id=eq.?&or=(a.eq.?,b.is.null)")
    assert parsed.rest == ("limit=?", "films.id=eq.?", "or=(a.eq.?,b.is.null)")
    assert [f.column for f in parsed.filters] == ["a"]


def test_the_index_of_a_filter_is_its_position_in_the_query_string() -> None:
    assert [f.index for f in parse_fingerprint("GET t?select=*&a=eq.?&order=a&b=gt.?").filters] == [1, 3]


@pytest.mark.parametrize(
    ("fingerprint", "bounded"),
    [
        ("GET t", False),
        ("GET t?select=*&id=eq.?", False),
        ("GET t?kid.limit=?", False),
        ("GET t?limit=?", True),
        ("GET t?a=eq.?&offset=?", True),
        ("GET t?…", True),
    ],
)
def test_a_limit_or_an_offset_bounds_a_query_and_one_of_an_embed_does_not(fingerprint: str, bounded: bool) -> None:
    assert is_bounded(fingerprint) is bounded


def test_the_key_filter_is_the_first_eq_or_in_filter_on_the_column() -> None:
    parsed = parse_fingerprint("GET t?id=gt.?&id=in.?&id=eq.?&a=lt.?")
    first = key_filter(parsed, "id")
    assert first is not None
    assert (first.operator, first.index) == ("in", 1)
    assert key_filter(parsed, "a") is None


def test_columns_and_on_conflict_describe_the_body() -> None:
    assert [describes_body(param) for param in ("columns=a", "on_conflict=a", "or=(a.eq.?)")] == [True, True, False]


def test_of_a_query_that_was_not_parsed_nothing_is_claimed() -> None:
    parsed = parse_fingerprint("GET t?…")
    assert (parsed.relation, parsed.select, parsed.filters, parsed.rest) == ("t", "…", (), ("…",))


def test_names_that_are_quoted_in_an_order_are_whole() -> None:
    items = parse_fingerprint('GET t?order="a,b".desc.nullslast,"c d",e->>"f g",p("x y").asc').order
    assert [item.column for item in items] == ["a,b", "c d", "e->>f g", "p(x y)"]
    assert [(item.descending, item.nulls) for item in items[:2]] == [(True, "nullslast"), (False, "")]
