"""Literals that are the only spelling of their value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import LiteralClass
from proxy.postgrest.request.literals import are_uuids, canonical, class_of, fold, read_list, read_literal

if TYPE_CHECKING:
    from uuid import UUID

U = b"0b5e7c1a-9f0e-4d55-8f6b-3a4b5c6d7e8f"


@pytest.mark.parametrize(
    "literal", [b"0", b"1", b"-1", b"42", b"-900", b"9223372036854775807", b"-9223372036854775808", b"9" * 39]
)
def test_a_canonical_integer_is_of_class_integer(literal: bytes) -> None:
    assert canonical(literal) is LiteralClass.INTEGER


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
        b"9" * 40,
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
    assert canonical(literal) is None


def test_a_lower_case_uuid_is_of_class_uuid() -> None:
    assert canonical(U) is LiteralClass.UUID


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
    assert canonical(literal) is None


@given(st.integers(-(10**39) + 1, 10**39 - 1))
def test_str_of_any_integer_up_to_39_digits_is_canonical(value: int) -> None:
    assert canonical(str(value).encode()) is LiteralClass.INTEGER


@given(st.binary(max_size=20))
def test_a_canonical_integer_equals_str_of_its_value(literal: bytes) -> None:
    if canonical(literal) is LiteralClass.INTEGER:
        assert str(int(literal)).encode() == literal


@given(st.uuids())
def test_str_of_any_uuid_is_canonical(value: UUID) -> None:
    assert canonical(str(value).encode()) is LiteralClass.UUID


@pytest.mark.parametrize(
    ("raw", "literal"),
    [
        (b"1", b"1"),
        (b"a-b_c.d", b"a-b_c.d"),
        (b"a%20b+c", b"a b c"),
        (b"%C3%A9", "é".encode()),
        ("é".encode(), "é".encode()),
        (b"a%3Bb", b"a;b"),
        (b"50%", b"50%"),
        (b"", b""),
    ],
)
def test_a_literal_is_decoded_as_in_postgrest(raw: bytes, literal: bytes) -> None:
    assert read_literal(raw) == literal


@pytest.mark.parametrize("raw", [b"a;b", b"%00", b"a%00b", b"%FF", b"\xff"])
def test_a_literal_with_a_special_meaning_upstream_is_not_read(raw: bytes) -> None:
    assert read_literal(raw) is None


@pytest.mark.parametrize(
    ("raw", "elements"),
    [
        (b"(1,2)", (b"1", b"2")),
        (b"(a)", (b"a",)),
        (b"%28a%2Cb%29", (b"a", b"b")),
        (b"(so so,x:y)", (b"so so", b"x:y")),
        (b'("a")', (b"a",)),
        (b'("a,b","c)",d)', (b"a,b", b"c)", b"d")),
        (b'(1," lead ")', (b"1", b" lead ")),
        (rb'("a\"b","c\\d","e\\","\x")', (b'a"b', b"c\\d", b"e\\", b"x")),
    ],
)
def test_a_list_is_read(raw: bytes, elements: tuple[bytes, ...]) -> None:
    assert read_list(raw) == elements


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"()", b"(1,)", b"(1,2)x", b"( 1)", b"(1, 2)", b"(1,1)", b"1,2", b"(a%22)", b"(a;b)", b"(a(b))"),
        *(
            b'("")',
            b'("a",)',
            b'("a"x)',
            b'("a" )',
            b'( "a")',
            b'("a',
            b'("a)',
            b'("a","a")',
            b'(a,"")',
            b"(a\\b)",
            b"({a})",
        ),
        *(b"(a )", b'("a\\")', b'("a"b","c")', b'(,"a")'),
    ],
)
def test_a_list_that_is_not_plain_is_not_read(raw: bytes) -> None:
    assert read_list(raw) is None


def test_a_list_has_the_common_class_of_its_elements() -> None:
    assert class_of((b"1", b"-2")) is LiteralClass.INTEGER
    assert class_of((U,)) is LiteralClass.UUID
    assert class_of((b"1", U)) is LiteralClass.TEXT
    assert class_of((b"a",)) is LiteralClass.TEXT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"1", b"-1"),
        (b"1", b"01"),
        (b"Abc", b"ABC"),
        (b"a b", b"ab"),
        (b"co-op", b"coop"),
        (b"", b"!?"),
        (b"a01", b"a1"),
        (b"7z", b"007z"),
        ("é".encode(), b"E"),
        ("ﬁ".encode(), b"fi"),
        ("ß".encode(), b"SS"),
        (b"yes", b"ies"),
        (b"Y1", b"i1"),
        (b"vet", b"wet"),
        (b"V-2", b"w2"),
        (b"k'a", b"Qa"),
    ],
)
def test_literals_that_are_equal_under_a_collation_have_one_fold(one: bytes, other: bytes) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [(b"1", b"10"), (b"a", b"b"), (b"0", b""), (b"a0", b"a"), (b"100", b"1")])
def test_different_texts_have_different_folds(one: bytes, other: bytes) -> None:
    assert fold(one) != fold(other)


@given(st.text(alphabet="aB01 -é", max_size=8))
def test_a_fold_is_its_own_fold(text: str) -> None:
    assert fold(fold(text.encode())) == fold(text.encode())


@given(st.lists(st.uuids(), min_size=1, max_size=5))
def test_a_list_of_uuids_is_recognised(uuids: list[UUID]) -> None:
    assert are_uuids(",".join(map(str, uuids)).encode())


@given(st.lists(st.sampled_from([U, U.upper(), U[:-1], U + b"0", b"", b"1" * 36, U.replace(b"-", b"a")]), max_size=4))
def test_a_list_is_recognised_if_each_element_is_a_uuid(elements: list[bytes]) -> None:
    each = bool(elements) and all(canonical(element) is LiteralClass.UUID for element in elements)
    assert are_uuids(b",".join(elements)) is each


@given(st.integers(0, 73), st.sampled_from([b"-", b",", b"g", b"A", b" ", b"0", b"\xff"]))
def test_a_list_with_one_wrong_byte_is_not_recognised(at: int, byte: bytes) -> None:
    text = bytearray(U + b"," + U)
    if at < len(text) and text[at : at + 1] != byte and not (byte == b"0" and text[at] in b"0123456789abcdef"):
        text[at : at + 1] = byte
        assert not are_uuids(bytes(text))
