"""Which literals can be merged, and which rows are ordered, per type."""

from __future__ import annotations

import pytest

from proxy.model import Column
from proxy.postgrest.types import (
    JSON_TEXT,
    KNOWN_TYPES,
    NEVER_MERGED,
    TOTALLY_ORDERED,
    are_distinct,
    can_merge,
    full_name,
    is_totally_ordered,
    known_column,
    mixes_classes,
)

U = b"0b5e7c1a-9f0e-4d55-8f6b-3a4b5c6d7e8f"
TEXT = Column("text", deterministic=True)
E = "é".encode()


@pytest.mark.parametrize(
    ("literal", "type_name", "mergeable"),
    [
        (b"32767", "smallint", True),
        (b"32768", "smallint", False),
        (b"-32768", "smallint", True),
        (b"-32769", "smallint", False),
        (b"2147483647", "integer", True),
        (b"2147483648", "integer", False),
        (b"9223372036854775807", "bigint", True),
        (b"-9223372036854775808", "bigint", True),
        (b"9223372036854775808", "bigint", False),
        (b"-9223372036854775809", "bigint", False),
        (b"18446744073709551615", "numeric", True),
        (b"-1", "oid", False),
        (b"01", "integer", False),
        (b"1", "uuid", False),
        (U, "uuid", True),
        (U.upper(), "uuid", False),
        (U, "integer", False),
        (b"1", "text", True),
        (b"", "text", True),
        (b"a b", "text", True),
        (b"a", "character varying", True),
        (b"ab", "character", True),
        (b"ab ", "character", False),
        (b"a" * 63, "name", True),
        (b"a" * 64, "name", False),
        (b"true", "boolean", True),
        (b"t", "boolean", False),
        (b"1", "boolean", False),
        (b"2024-02-29", "date", True),
        (b"2023-02-29", "date", False),
        (b"20240229", "date", False),
        (b"today", "date", False),
        (b"2024-W01-1", "date", False),
        (b"sad", "enum", True),
        (b"", "enum", False),
        (b"1", "numeric", True),
        (b"1.0", "numeric", False),
        (b"1", "public.citext", True),
        (b"a", "public.citext", False),
        (b"1", '"char"', False),
        (b"1", "integer[]", False),
        (b"1", "json", False),
        (b"1", "", True),
        (b"a", "", False),
    ],
)
def test_a_literal_can_be_merged_if_its_type_has_one_spelling_for_it(
    literal: bytes, type_name: str, mergeable: bool
) -> None:
    assert can_merge(literal, Column(type_name)) is mergeable


def test_for_an_unknown_type_canonical_integers_and_uuids_can_be_merged() -> None:
    assert can_merge(b"1", None)
    assert can_merge(U, None)
    assert not can_merge(b"a", None)
    assert not can_merge(b"01", None)


def test_non_ascii_letters_need_a_deterministic_collation() -> None:
    assert can_merge(E, TEXT)
    assert not can_merge(E, Column("text"))


def test_an_enumeration_accepts_its_labels_if_they_are_known() -> None:
    column = Column("enum", labels=frozenset((b"sad",)))
    assert can_merge(b"sad", column)
    assert not can_merge(b"glad", column)


def test_a_json_text_path_is_a_text_column() -> None:
    assert known_column(b"data->>a", {}) is JSON_TEXT
    assert known_column(b"data", {}) is None
    assert known_column(b"id", {b"id": TEXT}) is TEXT


@pytest.mark.parametrize(("type_name", "mixed"), [("text", True), ("enum", True), ("numeric", False), ("", False)])
def test_text_types_mix_literal_classes(type_name: str, mixed: bool) -> None:
    assert mixes_classes(Column(type_name)) is mixed


def test_types_with_several_texts_per_value_are_not_totally_ordered() -> None:
    for type_name in ("numeric", "double precision", "interval", "jsonb", "public.citext", "time with time zone", ""):
        assert not is_totally_ordered(Column(type_name))
    assert not is_totally_ordered(None)
    assert all(is_totally_ordered(Column(name)) for name in TOTALLY_ORDERED)


@pytest.mark.parametrize(
    ("one", "other", "column", "distinct"),
    [
        (b"1", b"2", Column("integer"), True),
        (b"1", b"1", Column("integer"), False),
        (None, b"1", Column("integer"), True),
        (None, None, Column("integer"), False),
        (b"Abc", b"ABC", TEXT, True),
        (b"Abc", b"ABC", Column("text"), False),
        (b"Abc", b"Abd", Column("text"), True),
        (b"a", E, Column("text"), False),
        (b"a\\nb", b"ab", Column("text"), False),
        (b"Abc", b"ABC", Column("enum"), True),
    ],
)
def test_rows_are_distinct_if_their_texts_prove_it(
    one: bytes | None, other: bytes | None, column: Column, distinct: bool
) -> None:
    assert are_distinct(one, other, column) is distinct
    assert are_distinct(other, one, column) is distinct


def test_the_lists_of_types_agree() -> None:
    assert TOTALLY_ORDERED - {"enum"} <= KNOWN_TYPES
    assert NEVER_MERGED <= KNOWN_TYPES


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("int", "integer"),
        ("VARCHAR(20)", "character varying"),
        ("timestamp(3) with time zone", "timestamp with time zone"),
        ("numeric(8,2)", "numeric"),
        ("int4", "integer"),
        ("integer[]", "integer[]"),
        ("Mood", "Mood"),
    ],
)
def test_aliases_of_a_type_have_one_full_name(written: str, name: str) -> None:
    assert full_name(written) == name
