"""The pages that findings print, walked on a real PostgREST: every row once, in the order of the query."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.page_code import Seek, next_page_py

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = pytest.mark.stack


class Client:
    """Stands for supabase-py: it sends what its methods say, as they came."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._params: list[tuple[str, str]] = []
        self.data: list[dict[str, Any]] = []

    def table(self, name: str) -> Client:
        self._name, self._params = name, []
        return self

    def select(self, columns: str) -> Client:
        return self._with("select", columns)

    def gt(self, column: str, value: object) -> Client:
        return self._with(column, f"gt.{value}")

    def lt(self, column: str, value: object) -> Client:
        return self._with(column, f"lt.{value}")

    def or_(self, tree: str) -> Client:
        return self._with("or", f"({tree})")

    def order(self, column: str, desc: bool) -> Client:
        before = dict(self._params).get("order")
        self._params = [(name, value) for name, value in self._params if name != "order"]
        item = f"{column}.{'desc' if desc else 'asc'}"
        return self._with("order", f"{before},{item}" if before else item)

    def limit(self, size: int) -> Client:
        return self._with("limit", str(size))

    def execute(self) -> Client:
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self._params)
        head = {"Authorization": f"Bearer {self._stack.token}"}
        with urlopen(Request(f"{self._stack.url}/{self._name}?{query}", headers=head), timeout=60) as answer:
            self.data = json.load(answer)
        return self

    def _with(self, name: str, value: str) -> Client:
        self._params.append((name, value))
        return self


def rows_of_all_pages(stack: Stack, fingerprint: str, size: int) -> list[dict[str, Any]]:
    """All rows, by the code for pages of ``size``."""
    shown = parse_fingerprint(fingerprint)
    names: dict[str, Any] = {"supabase": Client(stack)}
    exec(next_page_py(shown, Seek(("id",))), names)
    page = names[f"list_{shown.relation}_page"]
    rows = page(size)
    while last := page(size, rows[-1]):
        rows += last
    return list(rows)


@pytest.mark.parametrize("order", ["delivered->>OOTD.desc", "delivered->>OOTD,month.desc", "month.desc", ""])
def test_every_row_is_on_one_page(stack: Stack, order: str) -> None:
    rows = rows_of_all_pages(stack, f"GET monthly_tracking?select=id,month{f'&order={order}' if order else ''}", 37)
    whole = Client(stack).table("monthly_tracking").select("id")
    for item in filter(None, order.split(",")):
        whole.order(item.removesuffix(".desc"), item.endswith(".desc"))
    every = whole.order("id", order.endswith(".desc")).execute().data
    assert len(every) > 37
    assert [row["id"] for row in rows] == [row["id"] for row in every]
