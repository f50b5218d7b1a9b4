"""Compares what printed code returns with what the calls that it replaces got."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.varying import similar_calls
from proxy.analysis.steps import result_of
from proxy.fixes.loops.batch_code import batch_fix
from tests.e2e.support.fix_runs import (
    LOOPS,
    NodeRunner,
    Played,
    PythonRunner,
    Rows,
    array_text,
    key_text,
    node_runner,
    play,
    run_sql,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from proxy.findings.model import Fix
    from tests.conftest import Stack
    from tests.e2e.support.fix_shapes import Shape

FUNCTION = re.compile(r"create function (\S+?)\(")


def table_of(seen: Counter[tuple[str, str, str]]) -> str:
    """The number of comparisons per rule, language and kind of shape."""
    return "\n".join(f"{count:6} {' '.join(key)}" for key, count in sorted(seen.items()))


async def compare_all(stack: Stack, shapes: Sequence[Shape], **settings: Any) -> Comparison:
    """Play loops of reads, and run the code that is printed for them."""
    played = await play(stack, shapes, **settings)
    async with comparing(stack) as comparison:
        await comparison.declare([fix for one in played if (fix := fix_of(one)[1])])
        for one in played:
            await comparison.compare(one)
    return comparison


@asynccontextmanager
async def comparing(stack: Stack) -> AsyncIterator[Comparison]:
    """What runs printed code in all languages."""
    connection, python = await asyncpg.connect(stack.dsn, statement_cache_size=0), PythonRunner(stack)
    try:
        await connection.execute("set search_path to loops, public")
        async with node_runner(stack) as node:
            yield Comparison(node, python, connection)
    finally:
        python.close()
        await connection.close()


@dataclass
class Comparison:
    """The languages that a machine has for printed code, and what they showed."""

    node: NodeRunner
    python: PythonRunner
    connection: asyncpg.Connection[Any]
    seen: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Per rule, language (or ``withheld``) and kind of shape, the number of comparisons."""
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The number of comparisons per rule, language and kind of shape."""
        return table_of(self.seen)

    def report(self) -> str:
        """The first wrong fixes."""
        return f"{len(self.wrong)} wrong:\n" + "\n\n".join(self.wrong[:6])

    async def compare(self, played: Played, plant: Callable[[Fix], Fix] = lambda fix: fix) -> None:
        """Run the fix of a loop of reads in every language that it is printed in; ``plant`` makes it wrong."""
        code, printed = fix_of(played)
        fix = printed and plant(printed)
        if fix is None:
            self.seen["no finding", "", played.shape.name] += 1
            return
        if not (fix.sql or fix.supabase_js or fix.supabase_py):
            assert fix.reason
            self.seen[code, "withheld", played.shape.name] += 1
            if played.shape.withheld is False:
                self.wrong.append(f"withheld without need: {fix.reason} {fingerprint_of(played)}")
            return
        if played.shape.withheld:
            self.wrong.append(f"printed, and cannot be right: {fingerprint_of(played)}")
        await self.install(fix)
        for language, text in (("js", fix.supabase_js), ("py", fix.supabase_py), ("sql", fix.sql)):
            if text:
                await self._compare(language, played, code, text)

    async def install(self, fix: Fix) -> None:
        """A function that a fix needs: its name is known to PostgREST from ``declare``."""
        for name in FUNCTION.findall(fix.sql):
            await self.connection.execute(f"drop function if exists {name}; {fix.sql}")

    async def declare(self, fixes: list[Fix]) -> None:
        """Make PostgREST know all functions, before their bodies change from fix to fix."""
        for fix in fixes:
            await self.install(fix)
        await self.connection.execute("notify pgrst, 'reload schema'")

    async def _compare(self, language: str, played: Played, rule: str, code: str) -> None:
        self.seen[rule, language, played.shape.name] += 1
        try:
            found = await getattr(self, f"_by_{language}")(played.shape, code)
        except Exception as error:
            found, text = None, f"{type(error).__name__}: {error}"
        else:
            text = differences(played, found)
        if text:
            self.wrong.append(f"{rule} {language} {fingerprint_of(played)}\n{text}\n{code}")

    async def _by_js(self, shape: Shape, code: str) -> dict[str, Rows]:
        keys = [key[0] if len(key) == 1 else list(key) for key in shape.keys]
        answer = await self.node.run(code, [[keys, *shape.args]])
        assert "error" not in answer, answer["error"]
        (result,) = answer["results"]
        pairs = [(json.loads(key) if len(shape.columns) > 1 else [key], rows) for key, rows in result["map"]]
        return by_key(pairs, shape)

    async def _by_py(self, shape: Shape, code: str) -> dict[str, Rows]:
        keys = [key[0] if len(key) == 1 else key for key in shape.keys]
        (result,) = await self.python.run(code, [[keys, *shape.args]])
        return by_key([(key if len(shape.columns) > 1 else [key], rows) for key, rows in result.items()], shape)

    async def _by_sql(self, shape: Shape, code: str) -> dict[str, Rows] | None:
        objects = json.dumps([dict(zip(shape.columns, key, strict=True)) for key in shape.keys])
        if functions := FUNCTION.findall(code):
            if shape.select not in ("", "*") or shape.args:
                return None
            source = f"jsonb_to_recordset({functions[0]}($1::jsonb)) as c({listed(shape)})"
            source = source if shape.method == "HEAD" else f"{functions[0]}($1::jsonb)"
            rows = await run_sql(self.connection, f"select * from {source}", [objects])
        else:
            values = [array_text([key[0] for key in shape.keys]) if len(shape.columns) == 1 else objects]
            values += [array_text(arg) if isinstance(arg, list) else str(arg) for arg in shape.args]
            rows = await run_sql(self.connection, code, values)
        if shape.method == "HEAD":
            return by_key(
                [
                    ([spelled(shape, row[column]) for column in shape.columns], row["count"])
                    for row in rows
                    if row["count"]
                ]
            )
        return keyed(shape, rows)


def listed(shape: Shape) -> str:
    """The columns of the objects that a function of counts returns."""
    return ", ".join([*(f"{column} text" for column in shape.columns), "count bigint"])


def fix_of(played: Played) -> tuple[str, Fix | None]:
    """The rule and the fix of a loop; that of counts is made here, with the parent that no earlier answer shows."""
    finding = played.finding(*LOOPS)
    if finding is None or played.trace is None:
        return "", None
    if played.shape.method != "HEAD" or played.shape.first:
        return finding.code, finding.fix
    spans = [span for span in played.trace.spans if span.method == "HEAD"]
    parsed = parse_fingerprint(spans[0].fingerprint)
    key = next(f for f in parsed.filters if f.column == played.shape.columns[0])
    calls = result_of(similar_calls(parsed, spans, key))
    return "counts", batch_fix(calls, False, played.shape.parent)


def fingerprint_of(played: Played) -> str:
    return played.trace.spans[-1].fingerprint if played.trace else ""


def keyed(shape: Shape, rows: Rows) -> dict[str, Rows]:
    """Rows by key; a column that the query does not select itself is taken out of them."""
    taken = set(shape.select.replace(":", ",").split(","))
    added = [name for name in ("_key", "_key_2", "_key_3") if name not in taken and rows and name in rows[0]]
    selected = set(shape.select.split(","))

    def own(column: str) -> bool:
        return column.replace("_", "a").isalnum() and bool(selected & {"", "*", column})

    found: dict[str, Rows] = {}
    for row in rows:
        names = iter(added)
        key = [spelled(shape, row[column] if own(column) else row.pop(next(names))) for column in shape.columns]
        found.setdefault(key_text(key), []).append(row)
    return found


def spelled(shape: Shape, value: Any) -> Any:
    """The value as the key of its call has it."""
    return shape.spelled.get(str(value), value)


def by_key(pairs: Any, shape: Shape | None = None) -> dict[str, Rows]:
    """Rows by key. Where each call got one object, an object is wanted."""
    if shape is not None and shape.name == "one object":
        assert not any(isinstance(rows, list) for _, rows in pairs)
    return {key_text(key): rows if isinstance(rows, list) else [rows] for key, rows in pairs if rows}


def as_text(row: Any) -> str:
    """The same for equal rows, whatever the order of their columns."""
    return json.dumps(row, sort_keys=True)


def differences(played: Played, found: dict[str, Rows] | None) -> str:
    """How the rows by key differ; empty if they are equal. Without a total order, the order is not compared."""
    if found is None:
        return ""
    wanted = played.rows
    for key in {*wanted, *found}:
        ours, theirs = wanted.get(key, []), found.get(key, [])
        if not played.shape.total:
            ours, theirs = sorted(ours, key=as_text), sorted(theirs, key=as_text)
        if ours != theirs:
            return f"key {key}: {len(ours)} rows became {len(theirs)}: {str(ours)[:300]} … {str(theirs)[:300]}"
    return ""
