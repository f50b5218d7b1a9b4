"""The address of a row: which columns show it, and whether rows follow each other."""

from __future__ import annotations

import pytest

from proxy.model import Column
from proxy.postgrest.row_address import address_columns, are_in_order, place


def test_a_relation_has_addresses_if_its_ctid_is_an_address() -> None:
    assert address_columns({}) == ()
    assert address_columns({b"ctid": Column("")}) == address_columns({b"ctid": Column("text")}) == ()
    assert address_columns({b"ctid": Column("tid")}) == (b"ctid", b"tableoid")
    assert address_columns({b"ctid": Column("tid", unique=True)}) == (b"ctid",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"(0,1)", (0, 1)),
        (b"(4294967295,65535)", (4294967295, 65535)),
        (None, (-1, -1)),
        (b"", (-1, -1)),
        (b"(1)", (-1, -1)),
        (b"(-1,2)", (-1, -1)),
        (b"x", (-1, -1)),
    ],
)
def test_an_address_is_a_block_and_an_offset(text: bytes | None, expected: tuple[int, int]) -> None:
    assert place(text) == expected


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([(b"(0,9)",), (b"(0,10)",), (b"(2,1)",), (b"(10,1)",)], True),
        ([(b"(0,9)", b"7"), (b"(0,10)", b"7")], True),
        ([(b"(0,9)", b"7"), (b"(0,10)", b"8")], False),
        ([(b"(0,10)",), (b"(0,9)",)], False),
        ([(b"(1,1)",), (b"(0,2)",)], False),
        ([(b"(0,1)",), (b"(0,1)",)], False),
        ([(None,), (b"(0,1)",)], False),
        ([(b"(0,1)",), (None,)], False),
        ([(b"x",), (b"y",)], False),
    ],
)
def test_rows_are_in_order_if_each_is_behind_the_one_before_in_one_table(
    addresses: list[tuple[bytes | None, ...]], expected: bool
) -> None:
    assert are_in_order(addresses) is expected
