"""Loops by a filter on an embed, a logic tree or a pattern: what is printed returns what each call got."""

from __future__ import annotations

import asyncio
import json
import os
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from proxy.findings.model import Fix
from tests.e2e.support.fix_bench import Bench
from tests.e2e.support.fix_comparison import as_text, comparing
from tests.e2e.support.fix_reads import Request
from tests.e2e.support.fix_shapes import NASTY, filters, quoted, uuid_of
from tests.e2e.support.fix_tables import loop_tables, loops_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack
    from tests.e2e.support.fix_bench import Run

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SEED = int(os.environ.get("FIX_SEED", "1"))
NUMBER = int(os.environ.get("FIX_LOOKUPS", "36"))


@dataclass
class Lookup:
    """A loop: ``{}`` in the target stands for the condition of a key."""

    kind: str
    target: str
    conditions: list[str]
    keys: list[Any]
    args: list[Any] = field(default_factory=list)
    total: bool = True

    def requests(self) -> list[Request]:
        return [Request(self.target.format(condition)) for condition in self.conditions]


def _rest(draw: random.Random) -> tuple[str, list[Any]]:
    one = filters(draw)
    while one.late:
        one = filters(draw)
    if draw.random() < 0.5 or one.name in ("kind", "name"):
        return "", []
    return f"&{quote(one.name, safe='')}={quote(one.value, safe='')}", list(one.args)


def to_one(draw: random.Random) -> Lookup:
    """Things of owners, which each have one."""
    of_owners: list[tuple[str, list[Any]]] = [
        ("id", draw.sample(range(40), 8)),
        ("uid", [uuid_of(f"owner:{n}") for n in draw.sample(range(40), 6)]),
        ("email", draw.sample(NASTY[:14], 8)),
    ]
    column, keys = draw.choice(of_owners)
    name, embed = draw.choice([("owner", "owner"), ("o", "o:owner"), ("owner", "owner!thing_owner_id_fkey")])
    select = draw.choice(["id,{}!inner(email)", "*,{}!inner(*)", "id,name,{}!inner(id,email),part(id)"]).format(embed)
    rest, args = _rest(draw)
    target = f"/thing?select={select}&{name}.{column}=eq.{{}}{rest}&order=id.desc"
    return Lookup("embed", target, [quote(str(key)) for key in keys], keys, args)


def to_many(draw: random.Random) -> Lookup:
    """Owners of things: an owner has many."""
    keys = draw.sample(range(300), 8)
    return Lookup("embed of many", "/owner?select=id,thing!inner(id,name)&thing.id=eq.{}", list(map(str, keys)), keys)


def trees(draw: random.Random) -> Lookup:
    pairs = [(draw.randrange(40), draw.choice("abcd")) for _ in range(8)]
    keys: list[Any] = [[n, kind, m, other] for (n, kind), (m, other) in zip(pairs, reversed(pairs), strict=True)]
    form = "(and(owner_id.eq.{},kind.eq.{}),and(owner_id.eq.{},kind.eq.{}))"
    if draw.random() < 0.5:
        keys, form = [[draw.choice(NASTY[:14]), n] for n in draw.sample(range(900), 8)], "(name.eq.{},id.eq.{})"
    conditions = [quote(form.format(*map(quoted, key)), safe="") for key in keys]
    select, (rest, args) = draw.choice(["*", "id", "name,kind,part(id)"]), _rest(draw)
    order = draw.choice(["&order=id", "&order=rank.desc.nullslast,id", ""])
    return Lookup("tree", f"/thing?select={select}&or={{}}{rest}{order}", conditions, keys, args, bool(order))


def patterns(draw: random.Random) -> Lookup:
    keys = [f"{key}*" for key in ["plain", "WITH", 'QUOTE "', "back\\\\", "*q*", "ÜNÏ", "line", "none at all"]]
    operator, select = draw.choice(["ilike", "like"]), draw.choice(["*", "word,weight"])
    order = draw.choice(["&order=word", "&order=weight.desc,word", ""])
    limit = draw.choice(["", "&limit=3"]) if order else ""
    rest, args = draw.choice([("", []), ("&weight=lt.2", [2])])
    target = f"/word?select={select}&word={operator}.{{}}{rest}{order}{limit}"
    return Lookup("pattern", target, [quote(key, safe="") for key in keys], keys, args, bool(order))


KINDS: tuple[Callable[[random.Random], Lookup], ...] = (to_one, trees, patterns, to_one, trees, to_many)


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    with loops_behind(stack) as made:
        yield made


def rows_by_key(pairs: Any) -> dict[str, list[Any]]:
    """Rows as texts: of a key with one row the row alone may be returned."""
    return {json.dumps(key): rows if isinstance(rows, list) else [rows] for key, rows in pairs if rows}


def assert_equal(lookup: Lookup, found: dict[str, list[Any]], answers: list[list[Any]]) -> None:
    wanted = {json.dumps(key): rows for key, rows in zip(lookup.keys, answers, strict=True) if rows}
    assert found.keys() == wanted.keys()
    for key, rows in wanted.items():
        ours, theirs = _texts(found[key]), _texts(rows)
        assert ours == theirs if lookup.total else sorted(ours) == sorted(theirs), (key, ours[:2], theirs[:2])


def _texts(rows: list[Any]) -> list[str]:
    """The same for equal rows: JavaScript writes 1.0 as 1."""
    return [as_text(json.loads(json.dumps(row), parse_float=_number)) for row in rows]


def _number(text: str) -> float:
    return float(text) if float(text) % 1 else int(float(text))


def runs_of(bench: Bench, lookup: Lookup, answers: list[list[Any]]) -> dict[str, Run]:
    tree = lookup.kind == "tree"

    async def js(code: str) -> None:
        answer = await bench.comparison.node.run_when_known(code, [lookup.keys, *lookup.args])
        pairs = [(json.loads(key) if tree else key, rows) for key, rows in answer["results"][0]["map"]]
        assert_equal(lookup, rows_by_key(pairs), answers)

    async def py(code: str) -> None:
        keys = [tuple(key) for key in lookup.keys] if tree else lookup.keys
        (found,) = await bench.comparison.python.run(code, [[keys, *lookup.args]])
        assert_equal(lookup, rows_by_key((list(key) if tree else key, rows) for key, rows in found.items()), answers)

    async def sql(code: str) -> None:
        assert "create function" in code
        await bench.comparison.install(Fix(sql=code))

    return {"sql": sql, "js": js, "py": py}


async def compared(stack: Stack, lookups: list[Lookup]) -> Bench:
    async with comparing(stack) as comparison:
        bench = Bench(stack, comparison)
        played = await bench.play([one.requests() for one in lookups])
        fixes = [seen.findings["FAN002"].fix for seen in played]
        await comparison.declare([fix for fix in fixes if fix.sql])
        for one, fix, seen in zip(lookups, fixes, played, strict=True):
            if fix.sql:
                await comparison.install(fix)
            assert fix.supabase_js, (one.target, fix.reason)
            await bench.each(one.kind, fix, runs_of(bench, one, [rows for rows, _ in seen.answers]))
    return bench


async def test_printed_lookups_return_what_each_call_got(loops: Stack, tell: Callable[[str], None]) -> None:
    draw = random.Random(SEED)
    bench = await compared(loops, [KINDS[at % len(KINDS)](draw) for at in range(NUMBER)])
    tell(f"{dict(bench.executed)}")
    assert {kind for kind, _ in bench.executed} == {"embed", "embed of many", "tree", "pattern"}


async def test_behind_a_lower_limit_they_are_read_in_halves(loops: Stack) -> None:
    draw = random.Random(SEED)
    with loops_behind(loops, 20) as strict:
        await compared(strict, [to_one(draw), to_many(draw), trees(draw), trees(draw)])
