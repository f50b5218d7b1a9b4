"""Where a foreign key joins a loop to an earlier read, the printed code is an embed that returns what the loop got."""

from __future__ import annotations

import asyncio
import os
import random
import re
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from msgspec.structs import replace

from tests.e2e.support.fix_comparison import compare_all, comparing, fix_of
from tests.e2e.support.fix_runs import play
from tests.e2e.support.fix_shapes import Param, Shape, embeds, reads
from tests.e2e.support.fix_tables import loop_tables, loops_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.findings.model import Fix
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

SHAPES = int(os.environ.get("FIX_EMBEDS", "60"))
SEED = int(os.environ.get("FIX_SEED", "1"))
PROFILES = """
create table loops.profile (owner_id bigint primary key references loops.owner, bio text, seen int);
insert into loops.profile select n, 'bio ' || n, n % 3 from generate_series(0, 59, 2) n;
create table loops.note (id bigint primary key, writer_id bigint references loops.owner,
  reader_id bigint references loops.owner, text text);
insert into loops.note select n, n % 20, n % 7, 'note ' || n from generate_series(1, 200) n;
grant all on loops.profile, loops.note to service_role;
notify pgrst, 'reload schema';
"""
OWNERS, THINGS = "/owner?select=id,email&order=id", "/thing?select=id,name&id=lt.60"


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    asyncio.run(more_tables(stack.dsn))
    with loops_behind(stack) as made:
        yield made


async def more_tables(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(PROFILES)
    finally:
        await connection.close()


def joined(draw: random.Random) -> Shape:
    """A loop of reads of ``thing`` by its owner, after a read of owners."""
    shape = draw.choice([reads, embeds])(draw)
    shape.columns, shape.first, shape.name = ("owner_id",), OWNERS, "of a parent"
    shape.keys = [(n,) for n in draw.sample(range(45), draw.randrange(6, 14))]
    shape.before = [param for param in shape.before if param.name != "owner_id"]
    shape.after = [param for param in shape.after if param.name != "owner_id"]
    return shape


def of_parts(draw: random.Random) -> Shape:
    """The newest parts of each thing."""
    keys = [(n,) for n in draw.sample(range(60), 12)]
    after = draw.choice([[], [Param("label", "neq.part 3", ("part 3",))], [Param("at", "not.is.null")]])
    order = draw.choice(["id.desc", "at.desc.nullslast,id", "at.asc.nullsfirst,id"])
    return Shape(
        "newest of a parent", "part", ("thing_id",), keys, order=order, total=True, limit=draw.choice([1, 2]),
        after=list(after), first=THINGS, parallel=draw.random() < 0.5, select=draw.choice(["*", "id,label"]),
    )  # fmt: skip


def of_profiles(draw: random.Random) -> Shape:
    """At most one profile of each owner."""
    keys = [(n,) for n in draw.sample(range(60), 14)]
    after = draw.choice([[], [Param("seen", "gt.0", (0,))]])
    return Shape(
        "one of a parent", "profile", ("owner_id",), keys, after=list(after), first=OWNERS, select="*", total=True
    )


def of_notes(draw: random.Random) -> Shape:
    """Notes by one of two foreign keys to owners."""
    keys = [(n,) for n in draw.sample(range(25), 14)]
    column = draw.choice(["writer_id", "reader_id"])
    return Shape("one of two keys", "note", (column,), keys, order="id", first=OWNERS, select="id,text", total=True)


def counts(draw: random.Random) -> Shape:
    keys = [(n,) for n in draw.sample(range(60), 12)]
    prefer = {"Prefer": "count=exact"}
    return Shape(
        "count of a parent", "part", ("thing_id",), keys, method="HEAD", headers=prefer, select="id", first=THINGS
    )


KINDS = (joined, of_parts, joined, of_profiles, joined, of_notes, joined, counts)


def shapes(seed: int, number: int) -> Iterator[Shape]:
    draw = random.Random(seed)
    yield from (KINDS[at % len(KINDS)](draw) for at in range(number))


async def test_printed_embeds_return_what_the_loops_got(loops: Stack, tell: Callable[[str], None]) -> None:
    comparison = await compare_all(loops, list(shapes(SEED, SHAPES)), db_uri=loops.dsn)
    tell(comparison.table())
    assert not comparison.wrong, comparison.report()
    kinds = {kind for _, language, kind in comparison.seen if language == "js"}
    assert kinds >= {"of a parent", "newest of a parent", "one of a parent", "one of two keys", "count of a parent"}


FAULTS = [
    ("supabase_js", r"\n *\.limit\([^\n]*\)", ""),
    ("supabase_py", r"\n *\.limit\([^\n]*\)", ""),
    ("supabase_js", r"\n *\.order\([^\n]*\)", ""),
    ("supabase_py", r"\n *\.neq\([^\n]*\)", ""),
    ("supabase_js", r"byKey\.set\(known", "byKey.set(1 + known"),
]


@pytest.mark.parametrize(("part", "old", "new"), FAULTS)
async def test_a_fault_planted_into_an_embed_is_found(loops: Stack, part: str, old: str, new: str) -> None:
    shape = of_parts(random.Random(3))
    shape.after, shape.limit, shape.order = [Param("label", "neq.part 3", ("part 3",))], 2, "id.desc"

    def plant(fix: Fix) -> Fix:
        code = getattr(fix, part)
        wrong = re.sub(old, new, code)
        assert wrong != code, code
        return replace(fix, **{"sql": "", "supabase_js": "", "supabase_py": "", "reason": "x", part: wrong})

    (played,) = await play(loops, [shape], db_uri=loops.dsn)
    async with comparing(loops) as comparison:
        await comparison.compare(played, plant)
    assert comparison.wrong


async def test_keys_from_the_openapi_description_make_embeds_too(loops: Stack, tell: Callable[[str], None]) -> None:
    known: dict[str, Any] = {"detect__openapi": True, "openapi_token": loops.token}
    made = list(shapes(SEED + 2, 40))
    comparison = await compare_all(loops, made, **known)
    tell(comparison.table())
    assert not comparison.wrong, comparison.report()
    (parts,) = await play(loops, [of_parts(random.Random(1))], **known)
    fix = fix_of(parts)[1]
    assert fix is not None
    assert '.select("id,part!thing_id(' in fix.supabase_js
    (parts,) = await play(loops, [counts(random.Random(1))], **known)
    fix = fix_of(parts)[1]
    assert fix is not None
    assert '.select("id,part!thing_id(count)", { count: "exact" })' in fix.supabase_js


async def test_embeds_behind_a_lower_limit_return_what_the_loops_got(loops: Stack) -> None:
    with loops_behind(loops, 20) as strict:
        comparison = await compare_all(strict, list(shapes(SEED + 1, 24)), db_uri=loops.dsn)
    through_postgrest = [text for text in comparison.wrong if " sql " not in text.partition("\n")[0]]
    assert through_postgrest == [], "SQL alone is not limited"


async def test_the_cure_of_a_loop_over_rows_of_an_earlier_read_is_an_embed(loops: Stack) -> None:
    draw = random.Random(1)
    made = [of_parts(draw), of_profiles(draw), of_notes(draw), counts(draw)]
    played = await play(loops, made, db_uri=loops.dsn)
    parts, profiles, notes, count = (fix for one in played if (fix := fix_of(one)[1]))
    assert '.from("thing")' in parts.supabase_js
    assert 'referencedTable: "part"' in parts.supabase_js
    assert '.select("id,profile(*)"' in profiles.supabase_js
    assert f'.select("id,note!note_{made[2].columns[0]}_fkey(id,text)"' in notes.supabase_js
    assert '.select("id,part!thing_id(count)", { count: "exact" })' in count.supabase_js
    finding = played[1].finding("FAN001", "FAN002")
    assert finding is not None
    assert any("owner (id,email) it costs no call, and " in line for line in finding.evidence)
    assert "costs 1 call, 1 per " in finding.evidence[-1]
    assert finding.risk.endswith("The embed has only rows whose row of owner the caller may read.")


async def test_counts_are_embedded_in_what_their_foreign_key_refers_to_though_nothing_read_it(loops: Stack) -> None:
    draw = random.Random(2)
    alone, filtered = counts(draw), counts(draw)
    filtered.after = [Param("label", "eq.part 3", ("part 3",))]
    for shape in (alone, filtered):
        shape.first = "/owner?select=email&id=lt.3"  # of another relation
    played = await play(loops, [alone, filtered], db_uri=loops.dsn)
    async with comparing(loops) as comparison:
        for one in played:
            await comparison.compare(one)
    assert not comparison.wrong, comparison.report()
    for one in played:
        finding = one.finding("FAN001", "FAN002")
        assert finding is not None
        assert '.from("thing")' in finding.fix.supabase_js
        assert '.select("id,part!thing_id(count)", { count: "exact" })' in finding.fix.supabase_js
        assert finding.risk.endswith("The counts are of rows of thing that the caller may read.")


async def test_rows_that_refer_to_the_key_are_told_of_and_read_in_a_batch(loops: Stack) -> None:
    keys = [(n,) for n in range(10)]
    (played,) = await play(
        loops,
        [Shape("to one", "owner", ("id",), keys, select="*", first="/thing?select=id,owner_id&id=lt.600")],
        db_uri=loops.dsn,
    )
    finding = played.finding("FAN001", "FAN002")
    assert finding is not None
    assert '.from("owner")' in finding.fix.supabase_js
    assert any("add owner(*)" in line for line in finding.evidence)


async def test_without_a_foreign_key_or_an_earlier_read_there_is_no_embed(loops: Stack) -> None:
    alone, unknown = of_profiles(random.Random(1)), of_profiles(random.Random(1))
    alone.first = ""
    for shape, known in ((alone, loops.dsn), (unknown, None)):
        (played,) = await play(loops, [shape], db_uri=known)
        fix = fix_of(played)[1]
        assert fix is not None
        assert '.from("profile")' in fix.supabase_js
