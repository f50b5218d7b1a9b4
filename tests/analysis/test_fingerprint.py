"""A fingerprint can be read back into the parts that people are shown."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import Filter, OrderItem, by_key, is_about_body, is_bounded, read_fingerprint


def test_a_schema_is_what_the_name_begins_with() -> None:
    shown = read_fingerprint("GET private.videos?id=eq.?")
    assert (shown.schema, shown.relation, shown.name) == ("private", "videos", "private.videos")
    shown = read_fingerprint("GET videos?films.id=eq.?&order=a.desc")
    assert (shown.schema, shown.relation, shown.name) == ("", "videos", "videos")


def test_relation_select_filters_and_order_are_told_apart() -> None:
    shown = read_fingerprint("GET videos?select=id,status&tracking=eq.?&at=not.is.null&order=at.desc.nullslast,id")
    assert (shown.method, shown.relation, shown.select) == ("GET", "videos", "id,status")
    assert shown.filters == (Filter("tracking", "eq", 1), Filter("at", "not.is.null", 2))
    assert shown.order == (OrderItem("at", True, "nullslast"), OrderItem("id", False, ""))


def test_a_bare_relation_selects_everything() -> None:
    shown = read_fingerprint("GET videos")
    assert (shown.select, shown.filters, shown.order, shown.rest) == ("*", (), (), ())


def test_limits_embedded_filters_and_trees_are_kept_as_they_stand() -> None:
    shown = read_fingerprint("GET t?a=eq.?&limit=?&films.id=eq.?&or=(a.eq.?,b.is.null)")
    assert shown.rest == ("limit=?", "films.id=eq.?", "or=(a.eq.?,b.is.null)")
    assert [f.column for f in shown.filters] == ["a"]


def test_the_place_of_a_filter_is_its_place_in_the_query() -> None:
    assert [f.at for f in read_fingerprint("GET t?select=*&a=eq.?&order=a&b=gt.?").filters] == [1, 3]


@pytest.mark.parametrize(
    ("fingerprint", "bounded"),
    [
        ("GET t", False),
        ("GET t?select=*&id=eq.?", False),
        ("GET t?kid.limit=?", False),
        ("GET t?limit=?", True),
        ("GET t?a=eq.?&offset=?", True),
    ],
)
def test_a_limit_or_an_offset_of_its_own_bounds_a_query(fingerprint: str, bounded: bool) -> None:
    assert is_bounded(fingerprint) is bounded


def test_the_filter_by_a_key_compares_it_to_one_value_or_to_several() -> None:
    shown = read_fingerprint("GET t?id=gt.?&id=in.?&id=eq.?&a=lt.?")
    found = by_key(shown, "id")
    assert found is not None
    assert (found.operator, found.at) == ("in", 1)
    assert by_key(shown, "a") is None


def test_what_a_body_has_is_told_from_which_rows_are_written() -> None:
    assert [is_about_body(param) for param in ("columns=a", "on_conflict=a", "or=(a.eq.?)")] == [True, True, False]
