"""Random loops of writes that are each followed by a read of a list, and runs of the code that is printed for them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.e2e.support.fix_reads import Request
from tests.e2e.support.fix_runs import Table, array_text, given
from tests.e2e.support.fix_writes import RESET, filled

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    import asyncpg

    from tests.e2e.support.fix_bench import Bench, Run

TALLY = "truncate loops.tally; insert into loops.tally select n, 0 from generate_series(0, 9) n"
STATE = """select json_build_object('entry', (select json_agg(e order by id) from loops.entry e),
  'tally', (select json_agg(t order by b) from loops.tally t))"""


class Recounted(Table):
    """What the loops change."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def reset(self) -> None:
        await self._connection.execute(f"{RESET}; {TALLY}")

    async def state(self) -> str:
        return str(await self._connection.fetchval(STATE))


@dataclass
class Rounds:
    """A loop: a write of each row, a list after it, and the write of a result."""

    method: str
    ids: list[int]
    lists: list[int]
    """Per round, the value of the list's filter."""
    counted: bool
    tallied: bool
    guard: str = ""
    guards: tuple[Any, ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)

    def requests(self) -> list[Request]:
        made = []
        for at, (n, b) in enumerate(zip(self.ids, self.lists, strict=True)):
            target = "/entry" if self.method == "POST" else f"/entry?id=eq.{n}{self.guard}"
            body = self.rows[at] if self.rows else CHANGES if self.method == "PATCH" else None
            made.append(Request(target, method=self.method, body=body))
            made.append(self.read(b))
            if self.tallied:
                made.append(Request(f"/tally?b=eq.{b}", method="PATCH", body={"total": 41}))
        return made

    def read(self, b: int) -> Request:
        if self.counted:
            return Request(f"/entry?select=id&b=eq.{b}", (b,), "HEAD", {"Prefer": "count=exact"})
        return Request(f"/entry?select=id,status&b=eq.{b}&order=id", (b,))


CHANGES = {"status": "done"}


def rounds(draw: random.Random) -> Rounds:
    method, number = draw.choice(["PATCH", "DELETE", "POST"]), draw.choice([3, 5])
    ids = draw.sample(range(60) if method != "POST" else range(100, 160), number)
    one = draw.random() < 0.5
    lists = [3] * number if one else draw.sample(range(10), number)
    guard, guards = ("", ()) if draw.random() < 0.5 else ("&a=neq.z", ("z",))
    made = Rounds(method, ids, lists, draw.random() < 0.4, draw.random() < 0.5, guard, guards)
    if method == "POST":
        made.guard, made.guards = "", ()
        made.rows = [{"id": n, "code": f"c{n}", "b": b} for n, b in zip(ids, lists, strict=True)]
    return made


async def recounts(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN008: a write of a row, and the list again."""
    loops, table = [rounds(draw) for _ in range(number)], Recounted(bench.comparison.connection)
    played = await bench.play([one.requests() for one in loops], table)
    for one, seen in zip(loops, played, strict=True):
        per_round = 3 if one.tallied else 2
        last = {b: seen.answers[per_round * at + 1] for at, b in enumerate(one.lists)}
        lists = _lists(one, seen.left)
        assert one.counted or lists[one.lists[-1]] == last[one.lists[-1]][0]
        await bench.each("FAN008", seen.findings["FAN008"].fix, _runs(bench, one, table, seen.left, lists))


def _lists(one: Rounds, left: str) -> dict[int, Any]:
    """By its filter, each list as the loop left it."""
    entries, found = json.loads(left)["entry"], {}
    for b in dict.fromkeys(one.lists):
        rows = [{"id": row["id"], "status": row["status"]} for row in entries if row["b"] == b]
        found[b] = len(rows) if one.counted else rows
    return found


def _runs(bench: Bench, one: Rounds, table: Table, left: str, lists: dict[int, Any]) -> dict[str, Run]:
    async def check(got: Sequence[Any]) -> None:
        assert await table.state() == left
        rows = list(got[1 : 1 + len(lists)])
        if isinstance(rows[0], dict):
            pairs = rows[0]["map"] if "map" in rows[0] else list(rows[0].items())
            assert {int(key): value for key, value in pairs} == {b: rows for b, rows in lists.items() if rows}
        else:
            assert rows == list(lists.values())

    async def js(code: str) -> None:
        await table.reset()
        names = re.findall(r"^async function (\w+)", code, re.MULTILINE)
        await check(await bench.comparison.node.steps(code, *_steps(one, lists, names)))

    async def py(code: str) -> None:
        await table.reset()
        names = re.findall(r"^def (\w+)", code, re.MULTILINE)
        await check(await bench.comparison.python.steps(code, *_steps(one, lists, names)))

    async def sql(code: str) -> None:
        await table.reset()
        await _run_statements(bench, one, code, lists)
        assert await table.state() == left

    return {"js": js, "py": py, "sql": sql}


def _steps(one: Rounds, lists: dict[int, Any], names: Sequence[str]) -> list[list[Any]]:
    """Calls of the printed functions."""
    values = [CHANGES] if one.method == "PATCH" else []
    written = [one.rows] if one.method == "POST" else [one.ids, *values, *one.guards]
    by_key = "list" in names[1] or "count" in names[1]
    reads = [[names[1], list(lists)]] if by_key else [[names[1], b] for b in lists]
    results = [[names[2], b, {"total": 41}] for b in lists] if one.tallied else []
    return [[names[0], *written], *reads, *results]


async def _run_statements(bench: Bench, one: Rounds, code: str, lists: dict[int, Any]) -> None:
    write, read, *result = [text for text in code.split(";") if text.strip()]
    columns = tuple(one.rows[0]) if one.rows else tuple(CHANGES)
    texts = [json.dumps(one.rows)] if one.rows else [array_text(one.ids), *map(str, one.guards)]
    if one.method == "PATCH":
        texts.insert(1, CHANGES["status"])
    await _execute(bench, filled(write, columns), texts)
    if "ANY" in read:
        rows = await bench.sql(read, [array_text(list(lists))])
        assert sorted(row["id"] for row in rows) == sorted(row["id"] for some in lists.values() for row in some)
    else:
        for b, wanted in lists.items():
            rows = await bench.sql(read, [str(b)])
            assert (rows[0]["count"] if one.counted else rows) == wanted
    for b in lists if result else ():
        await _execute(bench, filled(result[0], ("total",)), ["41", str(b)])


async def _execute(bench: Bench, statement: str, texts: Sequence[str]) -> None:
    connection = bench.comparison.connection
    await connection.execute(f"prepare printed as {statement}")
    try:
        await connection.execute(f"execute printed{given(texts)}")
    finally:
        await connection.execute("deallocate printed")
