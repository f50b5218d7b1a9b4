"""Literals that are the only spelling of their value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import LiteralClass
from proxy.postgrest.literals import fits, literal_class, opposite

if TYPE_CHECKING:
    from uuid import UUID

U = b"0b5e7c1a-9f0e-4d55-8f6b-3a4b5c6d7e8f"


@pytest.mark.parametrize("literal", [b"0", b"1", b"-1", b"42", b"-900", b"9" * 18, b"-" + b"9" * 18])
def test_a_canonical_integer_is_of_class_integer(literal: bytes) -> None:
    assert literal_class(literal) is LiteralClass.INTEGER


@pytest.mark.parametrize(
    "literal",
    [
        b"",
        b"-",
        b"01",
        b"+1",
        b"-0",
        b"-01",
        b" 1",
        b"1 ",
        b"1.0",
        b"1e0",
        b"0x1",
        b"1_0",
        b"--1",
        b"9" * 19,
        "１".encode(),
        "²".encode(),
        b"t",
        b"null",
        b"1,2",
        b"1)",
        b"1\x00",
    ],
)
def test_another_spelling_of_an_integer_is_of_no_class(literal: bytes) -> None:
    assert literal_class(literal) is None


def test_a_lower_case_uuid_is_of_class_uuid() -> None:
    assert literal_class(U) is LiteralClass.UUID


@pytest.mark.parametrize(
    "literal",
    [
        U.upper(),
        b"{" + U + b"}",
        U.replace(b"-", b""),
        U[:-1],
        U + b"0",
        b"g" + U[1:],
        U.replace(b"-", b"_"),
        U[:8] + b"-" + U[8:-1],
        b"-" * 36,
        U[:35] + b"-",
    ],
)
def test_another_spelling_of_a_uuid_is_of_no_class(literal: bytes) -> None:
    assert literal_class(literal) is None


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_str_of_any_integer_up_to_18_digits_is_canonical(value: int) -> None:
    assert literal_class(str(value).encode()) is LiteralClass.INTEGER


@given(st.binary(max_size=20))
def test_a_canonical_integer_is_what_str_makes_of_it(literal: bytes) -> None:
    if literal_class(literal) is LiteralClass.INTEGER:
        assert str(int(literal)).encode() == literal


@given(st.uuids())
def test_str_of_any_uuid_is_canonical(value: UUID) -> None:
    assert literal_class(str(value).encode()) is LiteralClass.UUID


def test_the_opposite_has_the_other_sign_and_is_mutual() -> None:
    assert opposite(b"7") == b"-7"
    assert opposite(b"-7") == b"7"


@pytest.mark.parametrize(
    ("literal", "type_name", "taken"),
    [
        (b"32767", "smallint", True),
        (b"32768", "smallint", False),
        (b"-32768", "smallint", True),
        (b"-32769", "smallint", False),
        (b"2147483647", "integer", True),
        (b"2147483648", "integer", False),
        (b"999999999999999999", "bigint", True),
        (b"1", "uuid", False),
        (b"1", "text", True),
        (b"1", "", True),
    ],
)
def test_an_integer_fits_a_type_by_its_range(literal: bytes, type_name: str, taken: bool) -> None:
    assert fits(literal, LiteralClass.INTEGER, type_name) is taken


def test_a_uuid_fits_uuid_and_no_integer() -> None:
    assert fits(U, LiteralClass.UUID, "uuid")
    assert not fits(U, LiteralClass.UUID, "integer")
