"""Random reads of many rows of tables with different keys, and runs of the pages that are printed for them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.e2e.support.fix_reads import Request
from tests.e2e.support.fix_runs import array_text

if TYPE_CHECKING:
    import random

    from proxy.findings.model import Fix
    from tests.e2e.support.fix_bench import Bench, Run

SIZE = 70


@dataclass(frozen=True)
class Paged:
    """A read of many rows: its filters as a URL, as arguments and as SQL, and the order with the table's key."""

    relation: str
    key: tuple[str, ...]
    select: str
    filters: str
    values: tuple[Any, ...]
    where: str
    order: tuple[str, ...]

    def request(self, bounds: str = "") -> Request:
        order = f"&order={','.join(map(quote, self.order))}" if self.order else ""
        return Request(f"/{self.relation}?select={self.select}{self.filters}{order}{bounds}", self.values)

    async def rows(self, bench: Bench) -> list[Any]:
        """All of its rows, as Postgres orders them."""
        direction = " desc" if self.order and ".desc" in self.order[-1] else ""
        ordered = [_order_sql(item) for item in self.order]
        named = {item.partition(".")[0] for item in self.order}
        ordered += [f"{column}{direction}" for column in self.key if column not in named]
        found = await bench.comparison.connection.fetchval(
            f"select json_agg(q) from (select * from loops.{self.relation} where {self.where}"
            f" order by {', '.join(ordered)}) q"
        )
        rows: list[Any] = json.loads(found)
        return rows

    def compare(self, got: list[Any], wanted: list[Any]) -> None:
        """The same rows in the same order; of a narrower select, by their keys."""
        if self.select == "*":
            own = [{name: row[name] for name in wanted[0]} for row in got]  # the code may add columns of the order
            assert own == wanted, (self, len(own), len(wanted), own[:2], wanted[:2])
        else:
            keys = [[[row[column] for column in self.key] for row in rows] for rows in (got, wanted)]
            assert keys[0] == keys[1], (self, keys[0][:5], keys[1][:5])


TABLES: dict[
    str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[tuple[str, tuple[Any, ...], str], ...]]
] = {
    "thing": (
        ("id",),
        ("id", "rank", "due", "flag", "name", "score", "data->>k", "kind", "tag", "owner_id"),
        ("*", "name", "id,kind"),
        (
            ("&kind=neq.d", ("d",), "kind <> 'd'"),
            ("&owner_id=lt.35&flag=not.is.true", (35,), "owner_id < 35 and flag is not true"),
            ("&kind=in.(a,c,d)&id=gte.7", (["a", "c", "d"], 7), "kind in ('a', 'c', 'd') and id >= 7"),
        ),
    ),
    "reading": (
        ("sensor", "seq"),
        ("sensor", "seq", "value", "note", "at which"),
        ("*", "note", "seq,value"),
        (
            ("&sensor=lt.25", (25,), "sensor < 25"),
            ("&value=not.is.null", (), "value is not null"),
            ("", (), "true"),
        ),
    ),
    "word": (
        ("word",),
        ("word", "weight", "id"),
        ("*", "weight", "id"),
        (("&weight=lt.2", (2,), "weight < 2"), ("", (), "true"), ("&id=neq.3", (3,), "id <> 3")),
    ),
}
"""Per table: its key, columns to order by, selects, and filters that leave more than max-rows rows."""


def paged(draw: random.Random, few: bool = False) -> Paged:
    """A read of more rows than max-rows, or of ``few`` enough for one answer."""
    relation = draw.choice(list(TABLES))
    key, columns, selects, conditions = TABLES[relation]
    filters, values, where = draw.choice(conditions)
    if few:
        column, most = {"thing": ("id", 900), "reading": ("seq", 25), "word": ("id", 19)}[relation]
        filters, values, where = f"&{column}=lt.{most}", (most,), f"{column} < {most}"
    order = [
        column + draw.choice(["", ".desc", ".asc", ".asc.nullsfirst", ".desc.nullslast", ".nullsfirst"])
        for column in draw.sample(columns, draw.choice([0, 1, 1, 2, 3]))
    ]
    select = draw.choice(selects)
    return Paged(relation, key, select, filters, values, where, tuple(order))


def _order_sql(item: str) -> str:
    column, *words = item.split(".")
    path = re.sub(r"(\w+)->>(\w+)", r"\1 ->> '\2'", column)
    text = path if "->>" in path else f'"{column}"'
    text += " desc" if "desc" in words else ""
    return text + next((f" nulls {word.removeprefix('nulls')}" for word in words if word.startswith("nulls")), "")


def one_page(bench: Bench, one: Paged, wanted: list[Any]) -> dict[str, Run]:
    """Runs of code that returns the page after a row: walked from the first page to the last."""

    async def walk(page: Any) -> None:
        rows: list[Any] = []
        while True:
            more = await page([*one.values, SIZE, *rows[-1:]])
            rows += more
            if len(more) < SIZE:
                break
        one.compare(rows, wanted)

    async def js(code: str) -> None:
        async def page(args: list[Any]) -> list[Any]:
            answer = await bench.comparison.node.run(code, [args])
            assert "error" not in answer, answer
            rows: list[Any] = answer["results"][0]
            return rows

        await walk(page)

    async def py(code: str) -> None:
        async def page(args: list[Any]) -> list[Any]:
            rows: list[Any] = (await bench.comparison.python.run(code, [args]))[0]
            return rows

        await walk(page)

    async def sql(code: str) -> None:
        await _pages_by_sql(bench, one, code, wanted, str(SIZE))

    return {"js": js, "py": py, "sql": sql}


def all_pages(bench: Bench, one: Paged, wanted: list[Any]) -> dict[str, Run]:
    """Runs of code that returns all rows."""

    async def js(code: str) -> None:
        answer = await bench.comparison.node.run(code, [one.values])
        assert "error" not in answer, answer
        one.compare(answer["results"][0], wanted)

    async def py(code: str) -> None:
        one.compare((await bench.comparison.python.run(code, [one.values]))[0], wanted)

    async def sql(code: str) -> None:
        await _pages_by_sql(bench, one, code, wanted)

    return {"js": js, "py": py, "sql": sql}


async def _pages_by_sql(bench: Bench, one: Paged, code: str, wanted: list[Any], *limit: str) -> None:
    """The printed query with the values of several rows, after which the page starts."""
    query, _, note = code.rpartition("\n")
    names = re.findall(r": (.*) of the last row", note)[0].split(", ")
    size = int(limit[0]) if limit else int(re.findall(r"limit (\d+);", query)[0])
    filters = [array_text(value) if isinstance(value, list) else str(value) for value in one.values]
    for at in range(1, len(wanted), 1 + len(wanted) // 5):
        last = [_value(wanted[at - 1], name) for name in names]
        one.compare(await bench.sql(query, [*filters, *last, *limit]), wanted[at : at + size])


def _value(row: dict[str, Any], name: str) -> str | None:
    column, *path = re.split("->>?", name)
    value = row[column]
    for step in path:
        value = value[step]
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


async def unbounded(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN009: a read of many rows without a limit."""
    await _each(bench, "FAN009", [paged(draw, few=True) for _ in range(number)], "", one_page)


async def truncated(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN010: an answer that PostgREST cut at max-rows."""
    await _each(bench, "FAN010", [paged(draw) for _ in range(number)], "", all_pages)


async def deep(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN012: pages by a large offset."""
    await _each(bench, "FAN012", [paged(draw, few=True) for _ in range(number)], "&limit=20&offset=300", one_page)


async def _each(bench: Bench, rule: str, reads: list[Paged], bounds: str, runs: Any) -> None:
    seen = await bench.play([[one.request(bounds)] for one in reads], db_uri=bench.stack.dsn)
    for one, trace in zip(reads, seen, strict=True):
        fix: Fix = trace.findings[rule].fix
        await bench.each(rule, fix, runs(bench, one, await one.rows(bench)))
