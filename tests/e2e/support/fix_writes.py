"""Random loops of writes, and a comparison of what they and the printed code leave in the table."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

from tests.e2e.support.fix_comparison import Comparison, comparing
from tests.e2e.support.fix_runs import Table, array_text, given, play
from tests.e2e.support.fix_shapes import NASTY, Param, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import asyncpg

    from tests.conftest import Stack
    from tests.e2e.support.fix_runs import Played

RESET = "truncate loops.entry; insert into loops.entry select * from loops.entry_before"
STATE = "select coalesce(json_agg(e order by id), '[]') from loops.entry e"
GUARDS = (
    Param("status", "eq.new", ("new",)),
    Param("status", "neq.old", ("old",)),
    Param("a", 'in.("x","y")', (["x", "y"],)),
    Param("note", "not.is.null"),
    Param("val", "gte.10", (10,)),
    Param("or", "(val.lt.30,a.eq.x)", (30, "x"), late=True),
)


def updates(draw: random.Random) -> Shape:
    """A loop of PATCHes with one or two keys, the same or different values, and other filters."""
    columns, keys = draw.choice(KEYS)(draw)
    shape = Shape("update", "entry", columns, keys, method="PATCH", parallel=False)
    values = [{"status": "done", "note": None}, {"note": "a, b \\"}] if draw.random() < 0.5 else [{"val": 99}]
    shape.bodies = [draw.choice(values) for _ in keys]
    return with_guards(draw, shape)


def deletes(draw: random.Random) -> Shape:
    columns, keys = draw.choice(KEYS)(draw)
    return with_guards(draw, Shape("delete", "entry", columns, keys, method="DELETE", parallel=False))


def with_guards(draw: random.Random, shape: Shape) -> Shape:
    guards = draw.sample(GUARDS, draw.choice([0, 0, 1, 2]))
    shape.after = [one for one in guards if one.name not in shape.columns and not changed(shape, one)]
    if draw.random() < 0.4:
        shape.headers = {"Prefer": "return=representation"}
        # PostgREST filters a write by a logic tree only of columns that it returns.
        shape.select = "" if any(one.late for one in shape.after) else draw.choice(["", "id,note"])
    return shape


def changed(shape: Shape, guard: Param) -> bool:
    """Whether the loop changes a column of the guard, so that the order of its calls matters."""
    return any(guard.name in body or guard.name == "or" for body in shape.bodies)


def by_two(draw: random.Random) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    return ("a", "b"), sorted({(draw.choice("xyz"), draw.randrange(10)) for _ in range(12)})


KEYS = (
    lambda draw: (("id",), [(n,) for n in draw.sample(range(60), 8)]),
    lambda draw: (("code",), [(NASTY[n % 16] + str(n),) for n in draw.sample(range(60), 8)]),
    lambda draw: (("b",), [(n,) for n in draw.sample(range(10), 6)]),
    by_two,
)


def inserts(draw: random.Random) -> Shape:
    """A loop of POSTs: inserts, and upserts in all their preferences, of rows that name different columns."""
    kind = draw.choice(["insert", "upsert", "upsert by code", "insert or skip", "skip by code"])
    fresh = draw.sample(range(100, 200), 4)
    old = [] if kind == "insert" else draw.sample(range(60), 4)
    rows = [row(draw, n, "by code" in kind) for n in draw.sample([*fresh, *old], len(fresh) + len(old))]
    if kind == "insert":
        rows += [row(draw, n, False) for n in draw.sample(range(200, 300), 4)]
    resolution = "merge" if kind.startswith("upsert") else "ignore"
    prefers = [] if kind == "insert" else [f"resolution={resolution}-duplicates"]
    prefers += draw.choice([[], ["return=representation"], ["missing=default"], ["return=minimal"]])
    shape = Shape(kind, "entry", (), [() for _ in rows], method="POST", bodies=rows, parallel=False)
    if "by code" in kind:
        shape.before = [Param("on_conflict", "code")]
    if prefers:
        shape.headers = {"Prefer": ",".join(prefers)}
    return shape


def row(draw: random.Random, n: int, by_code: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"id": n, "code": NASTY[n % 16] + str(n)}
    others = (("a", draw.choice(NASTY)), ("b", n), ("val", draw.choice([None, n])), ("status", "made"))
    return made | {column: value for column, value in others if draw.random() < 0.6}


def writes(seed: int, number: int) -> Iterator[Shape]:
    draw = random.Random(seed)
    for at in range(number):
        yield (updates, inserts, deletes, inserts, updates)[at % 5](draw)


class Entries(Table):
    """The table that the loops change."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def reset(self) -> None:
        await self._connection.execute(RESET)

    async def state(self) -> str:
        return str(await self._connection.fetchval(STATE))


async def compare_writes(stack: Stack, shapes: Sequence[Shape], **settings: Any) -> Comparison:
    """Play each loop, run each printed part on the table as it was before, and compare what they leave."""
    async with comparing(stack) as comparison:
        table = Entries(comparison.connection)
        for played in await play(stack, shapes, table, **settings):
            await compare(comparison, played, table)
    return comparison


async def compare(comparison: Comparison, played: Played, table: Table) -> None:
    finding, shape, left = played.finding("FAN004"), played.shape, played.left
    bad = [answer for answer in played.answers if answer[0] >= 300]
    if bad:
        comparison.wrong.append(f"the loop itself failed: {bad[0]} {shape}")
    if finding is None:
        comparison.seen["no finding", "", shape.name] += 1
        return
    fix = finding.fix
    if not fix.supabase_js:
        comparison.wrong.append(f"withheld: {fix.reason} {finding.fingerprint}")
    for language, code in (("js", fix.supabase_js), ("py", fix.supabase_py), ("sql", fix.sql)):
        if not code:
            assert fix.reason
            comparison.seen[finding.code, f"no {language}", shape.name] += 1
            continue
        comparison.seen[finding.code, language, shape.name] += 1
        await table.reset()
        try:
            returned = await run(comparison, shape, language, code)
            now = await table.state()
        except Exception as error:
            returned, now = None, f"{type(error).__name__}: {error}"
        text = "" if now == left else f"left {unlike(now, left)}\ninstead of {unlike(left, now)}"
        if not text and returned is not None and wants_rows(shape):
            text = difference(played, returned)
        if text:
            comparison.wrong.append(f"{finding.code} {language} {shape.name} {finding.fingerprint}\n{text}\n{code}")


def unlike(one: str, other: str) -> str:
    """The lines of the one that the other has not."""
    return " ".join(line for line in one.split("\n") if line not in other.split("\n"))[:600]


def wants_rows(shape: Shape) -> bool:
    return "return=representation" in shape.headers.get("Prefer", "")


def difference(played: Played, returned: list[Any]) -> str:
    """How the returned rows differ from those that all calls returned."""
    wanted = [row for _, rows in played.answers for row in rows]
    same = sorted(map(canonical, wanted)) == sorted(map(canonical, returned))
    return "" if same else f"returned {returned} instead of {wanted}"


def canonical(row: Any) -> str:
    return json.dumps(row, sort_keys=True)


def calls_of(shape: Shape, py: bool) -> list[list[Any]]:
    """The arguments of each call of the printed function: one per group of rows that get the same values."""
    if shape.method == "POST":
        return [[shape.bodies]]
    groups: dict[str, list[Any]] = {}
    for at, key in enumerate(shape.keys):
        body = json.dumps(shape.bodies[at]) if shape.bodies else ""
        groups.setdefault(body, []).append(key[0] if len(key) == 1 else key if py else list(key))
    return [[keys, *([json.loads(body)] if body else []), *shape.args] for body, keys in groups.items()]


async def run(comparison: Comparison, shape: Shape, language: str, code: str) -> list[Any] | None:
    calls = calls_of(shape, language == "py")
    if language == "js":
        answer = await comparison.node.run(code, calls)
        assert "error" not in answer, answer["error"]
        return [row for rows in answer["results"] for row in rows or []]
    if language == "py":
        return [row for rows in await comparison.python.run(code, calls) for row in rows or []]
    for statement, values in statements(shape, code):
        await comparison.connection.execute(f"prepare printed as {statement}")
        try:
            await comparison.connection.execute(f"execute printed{given(values)}")
        finally:
            await comparison.connection.execute("deallocate printed")
    return None


def statements(shape: Shape, code: str) -> Iterator[tuple[str, list[str]]]:
    """The printed statements with the columns of the bodies filled in, as their comments ask for."""
    if shape.method == "POST":
        for columns in sorted({tuple(body) for body in shape.bodies}):
            rows = [body for body in shape.bodies if tuple(body) == columns]
            yield filled(code, columns), [json.dumps(rows)]
        return
    same, _, own = code.partition("-- If each row gets its own values:")
    for keys, *rest in calls_of(shape, py=False):
        changes = rest.pop(0) if shape.method == "PATCH" else {}
        objects = [dict(zip(shape.columns, key if isinstance(key, list) else [key], strict=True)) for key in keys]
        texts = [array_text(arg) if isinstance(arg, list) else str(arg) for arg in rest]
        if own and draw_own(shape):
            yield filled(own, tuple(changes)), [json.dumps([one | changes for one in objects]), *texts]
        elif len(changes) <= 1:
            first = array_text(keys) if len(shape.columns) == 1 else json.dumps(objects)
            yield filled(same, tuple(changes)), [first, *map(str, changes.values()), *texts]
        else:
            yield filled(own, tuple(changes)), [json.dumps([one | changes for one in objects]), *texts]


def draw_own(shape: Shape) -> bool:
    return len(shape.keys) % 2 == 0


def filled(code: str, columns: tuple[str, ...]) -> str:
    """The statement with each mention of the placeholder column repeated for each column."""
    text = code.replace("-- and the other columns of the body", "").replace("-- If all rows get the same values:", "")
    lines = []
    for line in text.split("\n"):
        if "changed_column" not in line:
            lines.append(line)
            continue
        named = re.search(r"insert into|^select", line)
        if named:
            listed = [one for one in columns if not re.search(rf"\b{one}\b", line.replace("insert into entry", ""))]
            lines.append(
                line.replace("changed_column", ", ".join(listed)) if listed else line.replace(", changed_column", "")
            )
        else:
            head = re.match(r"(do update )?set ", line)
            start = head[0] if head else ""
            rest = line[len(start) :].removesuffix(";")
            lines.append(start + ", ".join(rest.replace("changed_column", one) for one in columns))
    return "\n".join(lines).rstrip().removesuffix(";")
