"""A long list in a target is found and removed, and parsed only if every element is canonical."""

from __future__ import annotations

import pytest

from proxy.model import LiteralClass
from proxy.postgrest.request.in_list import (
    MAX_PARSED_TARGET,
    UNREAD,
    canonical_list,
    estimate_list,
    list_column,
    long_list,
    shortened,
)

UUIDS = [b"%08x-0000-4000-8000-000000000000" % n for n in range(50)]
LONG = b"in.(" + b",".join(UUIDS) + b")"


@pytest.mark.parametrize("before", [b"/t?id=", b"/t?select=*&id=", b"/t?a=in.(1)&b=eq.2&id="])
@pytest.mark.parametrize("after", [b"", b"&order=id", b"&x=in.(1,2)&y=eq.1"])
@pytest.mark.parametrize("value", [LONG, LONG.replace(b",", b"%2C").replace(b"(", b"%28").replace(b")", b"%29")])
def test_the_list_that_makes_a_target_long_is_found_at_any_position(before: bytes, after: bytes, value: bytes) -> None:
    target = before + value + after
    assert long_list(target, 100) == (len(before), len(before) + len(value))
    assert shortened(target, 106) == (before + b"in.(0)" + after, (len(before), len(before) + len(value)))
    assert list_column(target, (len(before), 0)) == b"id"


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"/t",
        b"/t?",
        b"/t" + LONG,
        b"/t?" + LONG,
        b"/t?id=not." + LONG,
        b"/t?id=eq." + LONG,
        b"/t?or=(id." + LONG + b")",
        b"/t?id=" + LONG + b"&x=" + LONG,
        b"/t?id=" + LONG + b"&x=eq." + b"y" * 100,
        b"/" + b"t" * 3000 + b"?id=" + LONG,
        b"/t" + b"&" * 3000,
        b"/t?" + b"&" * 3000,
    ],
)
def test_a_target_that_is_long_for_another_reason_has_no_long_list(target: bytes) -> None:
    assert long_list(target, 100) is None
    assert shortened(target, 100) == (target, None)


@pytest.mark.parametrize(
    ("target", "cut"),
    [
        (b"/t?or=(" + b"a.eq.1," * 20_000, b"/t" + UNREAD),
        (b"/t?" + b"&" * 100_000, b"/t" + UNREAD),
        (b"/t?select=" + b"a," * 5_000, b"/t" + UNREAD),
        (b"/" + b"t" * 100_000, b"/" + b"t" * 99),
    ],
)
def test_a_target_that_is_too_long_to_parse_is_cut_to_its_path(target: bytes, cut: bytes) -> None:
    assert len(target) > MAX_PARSED_TARGET
    assert shortened(target, 100) == (cut, None)


def test_a_shortened_target_is_not_longer_than_requested() -> None:
    for beside in range(60, 100):
        short, place = shortened(b"/t?x=" + b"y" * beside + b"&id=" + LONG, 100)
        assert len(short) <= 100 or place is None


def test_a_list_is_parsed_in_its_order_and_without_duplicates() -> None:
    assert canonical_list(b"in.(3,1,2,1,3)") == (LiteralClass.INTEGER, [b"3", b"1", b"2"])
    assert canonical_list(b"in.%283%2c1%2C-2%29") == (LiteralClass.INTEGER, [b"3", b"1", b"-2"])
    assert canonical_list(LONG) == (LiteralClass.UUID, UUIDS)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"in.",
        b"in.()",
        b"in.(1",
        b"in.(1)x",
        b"in.(1),2)",
        b"in.((1)",
        b"in.(1,)",
        b"in.(,1)",
        b"in.(01)",
        b"in.(1,+2)",
        b"in.( 1)",
        b"in.(1,%202)",
        b"in.(1,2%",
        b"in.(1,%32)",
        b"in.(1,null)",
        b'in.("1",2)',
        b"in.(%221%22)",
        b"in.(1.0)",
        b"in.(1," + UUIDS[0] + b")",
        b"in.(" + UUIDS[10].upper() + b")",
        b"IN.(1)",
        b"not.in.(1)",
        b"eq.1",
    ],
)
def test_a_list_with_other_elements_is_not_canonical(value: bytes) -> None:
    assert canonical_list(value) is None


def test_the_number_of_elements_of_any_list_is_estimated() -> None:
    assert estimate_list(b"in.(3,1,2,1,3)") == (5, "integer")
    assert estimate_list(b"in.%283%29") == (1, "integer")
    assert estimate_list(LONG) == (50, "uuid")
    assert estimate_list(b'in.("a","b")') == (2, "")
