"""The order of rows with the same key: what is known of it, and what has to be selected to detect ties."""

from __future__ import annotations

import pytest

from proxy.model import Column
from proxy.postgrest.row_order import order_of
from tests.factories import query

DAY, NUMBER, UNIQUE = Column("date"), Column("numeric"), Column("integer", unique=True)
KNOWN = {b"day": DAY, b"price": NUMBER, b"id": UNIQUE, b"a.b": DAY}


@pytest.mark.parametrize(
    ("order", "is_total", "columns"),
    [
        ("", False, ()),
        ("&order=day", False, (DAY,)),
        ("&order=%22a.b%22.desc", False, (DAY,)),
        ("&order=price", False, ()),
        ("&order=day,price", False, ()),
        ("&order=day,unknown", False, ()),
        ("&order=price,id", True, ()),
        ("&order=day->x", False, ()),
    ],
)
def test_an_order_is_total_or_its_columns_show_ties(order: str, is_total: bool, columns: tuple[Column, ...]) -> None:
    found = order_of(query(f"/t?k=eq.1{order}"), KNOWN)
    assert (found.is_total, found.columns) == (is_total, columns)
    assert found.is_known == (is_total or bool(columns))
