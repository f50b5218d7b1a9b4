"""The planned SQL of a request is PostgREST's: run as the caller it returns the same rows, and it has the same plan."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest

from proxy.database.plans import read_declared_schema
from proxy.database.session import connected
from proxy.plans.parameters import ColumnFacts
from proxy.plans.statements import SeenCalls, statements_of
from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.expressions import UnwritableError
from proxy.sql.planned import Planned, planned
from tests.e2e.findings.test_sql import MANY, ONE, PLAIN
from tests.e2e.support import bursts
from tests.e2e.support.bursts import one_by_one
from tests.e2e.support.unusual_types import postgrest_with, unusual_tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

LINKED_SQL = Path(bursts.__file__).with_name("linked.sql")
PLAN = "Accept: application/vnd.pgrst.plan+json"
WRAPPER = {"Aggregate", "Subquery Scan", "CTE Scan"}

LINKED = (
    "/person?id=lt.5&order=id",
    "/person?select=id,name,team!person_team_id_fkey(id,name)&id=lt.9&order=id",
    "/person?select=id,team_id(name)&id=lt.9&order=id",
    "/person?select=id,person_team_id_fkey(name)&id=lt.9&order=id",
    "/person?select=id,crew:team!team_id(name)&crew.id=gt.3&id=lt.30&order=id",
    "/person?select=id,team!team_id!inner(name)&team.name=eq.team%203&order=id&limit=5",
    "/person?select=id,team!team_id(name)&team=is.null&order=id&limit=5",
    "/person?select=id,team!team_id(name)&team=not.is.null&order=id&limit=5",
    "/person?select=id,team!team_id()&team=is.null&order=id.desc&limit=5",
    "/person?select=id,...team!team_id(crew:name)&id=lt.9&order=id",
    "/person?select=id,team!team_id(id,name)&order=team(name).desc.nullslast,id&limit=9",
    "/person?select=id,team!team_id(name)&order=team(name),id&limit=9",
    "/person?select=id,profile(bio)&id=lt.9&order=id",
    "/profile?select=bio,person(name)&person_id=lt.9&order=person_id",
    "/profile?select=bio,person!inner(name,team!team_id(name))&person.id=lt.20&order=person_id",
    "/person?select=id,profile!inner(bio)&order=id&limit=4",
    "/person?select=id,boss_id(id,name)&id=lt.30&order=id",
    "/person?select=id,person!boss_id(id)&id=lt.4&order=id&person.order=id&person.limit=3",
    "/person?select=id,staff:person!boss_id(id,name)&id=eq.2&staff.order=id.desc&staff.limit=5&staff.offset=2",
    "/person?select=id,skill(label)&id=lt.9&order=id&skill.order=label",
    "/person?select=id,skill!inner(label,level)&skill.level=eq.3&id=lt.99&order=id&skill.order=id",
    "/person?select=id,skill!person_skill(label)&id=lt.5&order=id&skill.order=id",
    "/person?select=id,person_skill(since,skill(label))&id=lt.5&order=id&person_skill.order=skill_id",
    "/skill?select=label,person(id)&id=eq.5&person.order=id&person.limit=4",
    "/skill?select=label,person(id,team!team_id(name))&id=in.(4,5)&order=id&person.order=id.desc&person.limit=2",
    "/person?select=id,skills_of(label)&id=lt.5&order=id&skills_of.order=id",
    "/person?select=id,team_of(name)&id=lt.25&order=id",
    "/person?select=id,shout&shout=eq.PERSON%207",
    "/person?select=id&order=shout.desc&limit=3",
    "/visit?select=id,place(name)&id=lt.9&order=id",
    "/place?select=name,visit(id,person(name))&a=eq.1&b=eq.2&visit.order=id&visit.limit=3",
    "/place?select=a,b,visit!inner(id)&visit.id=lt.20&order=a,b&visit.order=id",
    "/team?select=name,lead:person!team_lead(name)&order=id",
    "/team?select=name,lead_id(name)&order=id",
    "/team?select=id,person!person_team_id_fkey(id)&order=id&person.order=joined.desc.nullslast,id&person.limit=2",
    "/team?select=id,members:person!team_id(id,skill(label))&id=lt.4&order=id&members.order=id&members.limit=2"
    "&members.skill.order=id",
    "/person?select=id,joined&team_id=eq.3&order=joined.desc.nullslast,id&limit=10",
    "/person?select=id,joined&team_id=eq.3&order=joined.desc,id&limit=10&offset=20",
    "/person?select=id&team_id=in.(3,4)&joined=gte.2020-06-01&order=id",
    "/person?select=id&tags->>n=eq.3&order=id&limit=5",
    "/person?select=id,tags->list->0&tags->n=eq.3&order=tags->list->0.desc&limit=5",
    "/person?select=id&tags=cs.{%22n%22:3}&order=id&limit=5",
    "/person?select=id&name=like.person%201*&order=id&limit=5",
    "/person?select=id&name=ilike.*99&order=id",
    "/person?select=id&or=(team_id.eq.3,and(boss_id.eq.2,id.gt.1900))&order=id&limit=7",
    "/person?select=id,team!team_id(name)&or=(team.is.null,id.lt.3)&order=id&limit=7",
    "/person?select=id,skill(label),team!team_id(name)&id=lt.4&order=id&skill.order=id",
    "/person?select=team_id,id.count()&order=team_id",
    "/person?select=team_id,n:id.count(),oldest:joined.min(),team!team_id(name)&team_id=lt.4&order=team_id",
    "/visit?select=note,count()&order=note",
    "/visit?select=id,note&note=like.note%201*&order=id&limit=5",
    "/visit?select=id&person_id=eq(any).{1,2,3}&order=id",
    "/visit?select=id&person_id=not.in.(1,2)&id=lt.9&order=id",
    "/visit?select=id&and=(id.gt.5,id.lt.9,or(a.eq.1,b.eq.2))&order=id.desc",
    "/Odd%20name?select=id,a:%22a.b%22&%22a.b%22=eq.x%203",
    "/Odd%20name?select=id,person(name)&id=lt.4&order=id",
    "/person?select=id,%22Odd%20name%22(id)&id=lt.4&order=id",
    "/crew?select=id,called,team!team_id(name)&id=lt.9&order=id",
    "/crew?select=id,profile(bio)&id=lt.9&order=id",
    "/crew?select=id,skill(label)&id=lt.9&order=id&skill.order=label",
    "/crew_of_crew?select=who,team!team_id(id,name)&who=lt.9&order=who",
    "/team?select=name,crew!person_team_id_fkey(id)&id=lt.4&order=id&crew.order=id&crew.limit=3",
    "/person?select=id,crew_visit(note)&id=lt.9&order=id&crew_visit.order=note",
    "/crew_visit?select=note,crew(called)&crew.id=lt.9&order=note,person&limit=20",
    "/crew_visit?select=note,person,shout:note&order=person,note&limit=9",
    "/big_team?select=team_id,people,team(name)&order=team_id",
    "/crew_visit?select=note,k:person(team_of(name))&order=note,person&limit=5",
    "/person?select=id,profile(bio),skill(label),team!team_id(name)&skill.id=gt.9&team.name=like.*1*&profile.order=bio"
    "&id=lt.30&order=id&skill.order=id",
    "/person?select=id,a:team!team_id(name),b:team!team_lead(name)&team.name=like.*1*&b.order=name&id=lt.30&order=id",
    "/Odd%20name?select=id,person!inner()&order=person(boss_id).desc.nullslast,id&limit=5",
    "/person?limit=0",
    "/person?select=id&id=in.()",
    "/person?select=id,name&order=name.asc.nullsfirst,id.desc&limit=3&offset=1000",
)
COUNTED = (
    "/person?select=id&id=lt.50&limit=5",
    "/person?select=id,team!team_id!inner(name)&team.name=eq.team%203&limit=5",
    "/person?select=id,team!team_id(name)&team=is.null&limit=5",
    "/person?select=id,team!team_id(name)&or=(team.not.is.null,id.lt.30)&limit=5",
    "/person?select=id,skill!inner(label)&skill.level=eq.3&limit=5",
    "/place?select=a,b,visit!inner(id,person!inner(id))&visit.person.id=lt.9&order=a,b&limit=2",
)
UNEQUAL = {"js", "po", "co", "tv", "rg", "ar", "df", "rp"}
"""Columns of types without ``=`` for an unknown literal, or whose values are not those that pg_stats lists."""
UNKNOWN = {"en"}
"""Columns of types of which no value is known without statistics."""
STATISTICS = """
select attname::text, most_common_vals::text::text[] as common, histogram_bounds::text::text[] as bounds
from pg_stats where schemaname = 'unusual' and tablename = 'kinds'
"""


class Statistics(NamedTuple):
    """A row of pg_stats."""

    common_values: tuple[str, ...] = ()
    common_frequencies: tuple[float, ...] = ()
    histogram: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Any) -> Statistics | None:
        return None if row is None else cls(tuple(row["common"] or ()), (), tuple(row["bounds"] or ()))


REFUSED = {
    "/person?select=id,team(name)": "300",
    "/crew?select=id,team(name)": "300",
    "/person?select=id,place(name)": "without a known foreign key: person and place",
    "/visit?select=id&order=place(name)": "no embed of one row",
    "/visit?select=id&place.name=eq.x": "does not embed",
    "/person?select=id,...skill(label)": "spreads several rows",
    "/profile?select=bio,person(name),person(id)": "two embeds called 'person'",
    "/nothing?id=eq.1": "not in the catalog",
    "/person?id=equals.1": "PostgREST rejects id",
}


@pytest.fixture(scope="module")
def unusual(stack: Stack) -> Iterator[Stack]:
    with unusual_tables(stack) as made, planning(stack, "unusual") as summing:
        yield made._replace(url=summing.url)


@pytest.fixture(scope="module")
def linked(stack: Stack) -> Iterator[Stack]:
    asyncio.run(_load(stack.dsn))
    with planning(stack, "linked") as made:
        yield made


def planning(stack: Stack, schema: str) -> Any:
    """A PostgREST that also answers with its plans."""
    return postgrest_with(stack, db_schemas=schema, db_plan_enabled="true", db_aggregates_enabled="true")


async def _load(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(LINKED_SQL.read_text(encoding="utf-8"))
        await connection.execute("analyze")
    finally:
        await connection.close()


@asynccontextmanager
async def caller(stack: Stack, schema: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection as PostgREST sets one up."""
    connection = await asyncpg.connect(stack.dsn.replace("//postgres:", "//authenticator:"))
    try:
        await connection.execute(f"set role anon; set search_path to {schema}, public, extensions")
        yield connection
    finally:
        await connection.close()


def written(target: str) -> str:
    return target.replace(" ", "%20").replace('"', "%22").replace("\\", "%5C")


async def sql_of(connection: asyncpg.Connection[asyncpg.Record], target: str, schema: str, *prefers: bytes) -> Planned:
    request = read_api_request(b"GET", written(target).encode(), b"", "", prefers, b"")
    assert request is not None
    return planned(request, await read_declared_schema(connection, schema))


async def assert_same_rows(stack: Stack, schema: str, target: str) -> None:
    (answer,) = await one_by_one(stack.url, [bursts.get(written(target))])
    assert answer.status == 200, answer.body
    async with caller(stack, schema) as connection:
        sql = await sql_of(connection, target, schema)
        (statement,) = sql.statements(sql.values)
        rows = f"select coalesce(json_agg(row_to_json(x)), '[]') from ({statement}) x"
        found, answered = json.loads(await connection.fetchval(rows)), json.loads(answer.body)
        assert found == answered if "order=" in target else sorted(map(str, found)) == sorted(map(str, answered))


def nodes(plan: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Node types in pre-order, with what they read and how often they are expected to."""
    names = ("Node Type", "Join Type", "Strategy", "Scan Direction", "Relation Name", "Index Name", "Function Name")
    yield tuple(str(plan[name]) for name in names if name in plan)
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


async def assert_same_plan(stack: Stack, schema: str, target: str) -> None:
    (answer,) = await one_by_one(stack.url, [bursts.get(written(target), PLAN)])
    assert answer.status == 200, answer.body
    theirs = list(nodes(json.loads(answer.body)[0]["Plan"]))
    async with caller(stack, schema) as connection:
        sql = await sql_of(connection, target, schema)
        (statement,) = sql.statements(sql.values)
        ours = list(nodes(json.loads(await connection.fetchval(f"explain (format json) {statement}"))[0]["Plan"]))
    wrapper = theirs[: len(theirs) - len(ours)]
    assert {name for name, *_ in wrapper} <= WRAPPER, (theirs, ours)
    assert theirs[len(wrapper) :] == ours


@pytest.mark.parametrize("target", PLAIN + MANY + ONE)
async def test_the_planned_sql_returns_postgrests_rows(unusual: Stack, target: str) -> None:
    await assert_same_rows(unusual, "unusual", target)


@pytest.mark.parametrize("target", PLAIN + MANY + ONE)
async def test_the_planned_sql_has_postgrests_plan(unusual: Stack, target: str) -> None:
    await assert_same_plan(unusual, "unusual", target)


@pytest.mark.parametrize("target", LINKED)
async def test_embeds_by_every_kind_of_key_return_postgrests_rows(linked: Stack, target: str) -> None:
    await assert_same_rows(linked, "linked", target)


@pytest.mark.parametrize("target", LINKED)
async def test_embeds_by_every_kind_of_key_have_postgrests_plan(linked: Stack, target: str) -> None:
    await assert_same_plan(linked, "linked", target)


@pytest.mark.parametrize("target", COUNTED)
async def test_the_count_is_the_total_that_postgrest_answers(linked: Stack, target: str) -> None:
    (answer,) = await one_by_one(linked.url, [bursts.get(written(target), "Prefer: count=exact")])
    total = answer.head.lower().partition(b"content-range:")[2].partition(b"\r\n")[0].partition(b"/")[2]
    async with caller(linked, "linked") as connection:
        sql = await sql_of(connection, target, "linked", b"count=exact")
        _, count = sql.statements(sql.values)
        assert await connection.fetchval(count) == int(total) > 0


@pytest.mark.parametrize("target", REFUSED)
async def test_what_postgrest_does_not_answer_with_rows_has_no_sql_and_is_named(linked: Stack, target: str) -> None:
    (answer,) = await one_by_one(linked.url, [bursts.get(target)])
    assert answer.status >= 300
    async with caller(linked, "linked") as connection:
        with pytest.raises(UnwritableError, match=REFUSED[target]):
            await sql_of(connection, target, "linked")


@pytest.mark.parametrize("analyzed", [True, False])
async def test_postgres_accepts_values_that_stand_for_literals_of_every_type(unusual: Stack, analyzed: bool) -> None:
    async with caller(unusual, "unusual") as connection, connected(unusual.dsn) as owner:
        await owner.execute("analyze unusual.kinds")
        schema = await read_declared_schema(connection, "unusual")
        rows = {row["attname"]: row for row in await owner.fetch(STATISTICS)} if analyzed else {}
        types = schema.columns["unusual", "kinds"]
        facts = {name: ColumnFacts(type_name, Statistics.of(rows.get(name))) for name, type_name in types.items()}
        count = 0
        for name in (name for name in types if name not in UNEQUAL):
            for shape in ("eq.?", "in.?", "gte.?"):
                seen = SeenCalls(f"GET kinds?select=id&{name}={shape}")
                if name in UNKNOWN and not analyzed:
                    with pytest.raises(UnwritableError, match="run ANALYZE"):
                        statements_of(seen, schema, lambda _, column: facts.get(column))
                    continue
                for one in statements_of(seen, schema, lambda _, column: facts.get(column)).rows:
                    await connection.execute(f"explain {one.text}")
                    count += 1
        assert count > 80
