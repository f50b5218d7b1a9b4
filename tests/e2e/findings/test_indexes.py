"""The indexes that FAN016 prints are used by Postgres, and none is printed where one serves."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.index import index_advice
from proxy.upstream.facts.catalog import read_catalog_once
from tests.e2e.support.harness import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proxy.postgrest.database_facts import DatabaseFacts
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

ROWS = 120_000
TABLES = f"""
create schema slow;
create table slow.article (
  id int primary key, team_id int, slug text, title text, body text, tags text[], data jsonb, words tsvector,
  gone timestamptz, at timestamptz not null, span int4range, note json
);
insert into slow.article
select n, n % 900, 'slug-' || n, md5(n::text) || ' ' || md5((7 * n)::text), md5((3 * n)::text), array['t' || n % 5000],
  jsonb_build_object('k', 'k' || n % 4000, 'name', md5(n::text)), to_tsvector('simple', 'w' || n % 5000),
  case when n % 400 > 0 then now() end, timestamptz '2024-01-01' + n * interval '1 minute',
  int4range(n, n + 3), '{{}}'
from generate_series(1, {ROWS}) n;
create unique index article_slug on slow.article (slug);
create index article_team_at on slow.article (team_id, at);
create view slow.article_view as select * from slow.article;
create table slow.log (id int, day date, text text) partition by range (day);
create table slow.log_1 partition of slow.log for values from ('2024-01-01') to ('2025-01-01');
insert into slow.log select n, date '2024-01-01' + n % 300, md5(n::text) from generate_series(1, 30000) n;
create table slow.note (
  id int primary key, token text, path text, word text, code text, data jsonb, unique (code) include (word)
);
insert into slow.note
select n, md5(n::text), md5((3 * n)::text), md5((5 * n)::text), 'c' || n,
  jsonb_build_object('a', jsonb_build_object('b', n), 'list', array[n])
from generate_series(1, 40000) n;
create index note_token on slow.note using hash (token);
create index note_path on slow.note (path text_pattern_ops);
create index note_word on slow.note (word collate "C");
create function slow.shout(slow.note) returns text stable language sql as 'select upper($1.word)';
analyze slow.article;
analyze slow.log;
analyze slow.note;
"""


@pytest.fixture(scope="module")
def slow(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute(stack.dsn, TABLES))
    yield stack
    asyncio.run(execute(stack.dsn, "drop schema slow cascade"))


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
async def connection(slow: Stack) -> AsyncIterator[asyncpg.Connection[Any]]:
    made = await asyncpg.connect(slow.dsn, server_settings={"search_path": "slow, public, extensions"})
    yield made
    await made.close()


async def facts_of(slow: Stack) -> DatabaseFacts:
    return (await read_catalog_once(settings("http://127.0.0.1:1", db_uri=slow.dsn, catalog__schemas=["slow"]))).facts


async def create(connection: asyncpg.Connection[Any], sql: str) -> None:
    """Run the statements one by one: ``concurrently`` works in no transaction."""
    for statement in filter(str.strip, sql.split(";")):
        await connection.execute(statement)


def indexes_in(plan: dict[str, Any]) -> set[str]:
    found = {plan["Index Name"]} if "Index Name" in plan else set()
    return found.union(*(indexes_in(part) for part in plan.get("Plans", ())))


async def plan_of(connection: asyncpg.Connection[Any], where: str) -> tuple[set[str], float]:
    """The indexes that the query uses, and its milliseconds."""
    text = await connection.fetchval(f"explain (analyze, format json) select * from {where}")
    (plan,) = json.loads(text)
    return indexes_in(plan["Plan"]), plan["Execution Time"]


MISSING = [
    (
        "GET article?title=ilike.?&order=at.desc&limit=?",
        "article where title ilike '%b21c8%' order by at desc limit 20",
    ),
    ("GET article?title=ilike.?&order=at.desc", "article where title ilike '%b21c8%' order by at desc limit 1000"),
    ("GET article?title=like.?&body=ilike.?", "article where title like '%21c8%' and body ilike '%f1a9%'"),
    ("GET article?title=imatch.?", "article where title ~* 'b21c8.*e'"),
    ("GET article?data->>name=ilike.?", "article where data->>'name' ilike '%b21c8%'"),
    ("GET article?data->>k=eq.?&order=id", "article where data->>'k' = 'k17' order by id"),
    ("GET article?tags=cs.?&order=id", "article where tags @> '{t77}' order by id"),
    ("GET article?data=cs.?", """article where data @> '{"k": "k17"}'"""),
    ("GET article?words=fts.?&order=at.desc", "article where words @@ to_tsquery('simple', 'w77') order by at desc"),
    ("GET article?span=ov.?", "article where span && '[500,510)'"),
    ("GET article?gone=is.null&order=at.desc&limit=?", "article where gone is null order by at desc limit 10"),
    ("GET article?gone=is.null", "article where gone is null"),
    ("GET article?body=eq.?&order=at.desc", f"article where body = '{'a' * 32}' order by at desc"),
    ("GET article?order=at.desc.nullslast&limit=?", "article order by at desc nulls last limit 10"),
    ("GET article?order=title.asc.nullsfirst&limit=?", "article order by title nulls first limit 10"),
    ("GET article?at=gte.?&order=title", "article where at > '2024-03-23' order by title"),
    ("GET article?body=in.?&order=at", "article where body in ('a', 'b') order by at"),
    ("PATCH article?title=eq.?&order=at", "article where title = 'a'"),
    ("GET log?text=eq.?", "log where text = 'a'"),
    ("GET note?path=gte.?&order=path", "note where path >= 'ff' order by path"),
    ("GET note?order=path&limit=?", "note order by path limit 5"),
    ("GET note?word=eq.?", "note where word = 'a'"),
    ("GET note?order=word&limit=?", "note order by word limit 5"),
    ("GET note?data->a->>b=eq.?", "note where data->'a'->>'b' = '77'"),
    ("GET note?data->list->0=eq.?", "note where data->'list'->0 = '77'"),
]


@pytest.mark.parametrize(("fingerprint", "where"), MISSING, ids=[fingerprint for fingerprint, _ in MISSING])
async def test_a_printed_index_is_used(
    slow: Stack, connection: asyncpg.Connection[Any], fingerprint: str, where: str
) -> None:
    before, _ = await plan_of(connection, where)
    advice = index_advice(parse_fingerprint(fingerprint), await facts_of(slow))
    known = {row[0] for row in await connection.fetch("select indexrelid::regclass::text from pg_index")}
    await create(connection, advice.sql)
    await connection.execute("analyze article, note")
    rows = await connection.fetch("select indexrelid::regclass::text from pg_index")
    made = {row[0] for row in rows} - known
    try:
        used, _ = await plan_of(connection, where)
        assert made, advice
        assert used & {name.rpartition(".")[2] for name in made}, (advice, used)
        assert not before & made
        again = index_advice(parse_fingerprint(fingerprint), await facts_of(slow))
        assert again.sql == "", "the new index serves it"
    finally:
        for name in sorted(made, key=len):
            await connection.execute(f"drop index if exists {name}")


async def test_a_pattern_in_an_order_is_found_by_trigrams_in_a_tenth_of_the_time(
    slow: Stack, connection: asyncpg.Connection[Any], tell: Any
) -> None:
    fingerprint, where = MISSING[0]
    _, before = await plan_of(connection, where)
    await create(connection, index_advice(parse_fingerprint(fingerprint), await facts_of(slow)).sql)
    try:
        await plan_of(connection, where)
        _, after = await plan_of(connection, where)
        tell(f"ilike with an order over {ROWS} rows: {before:.2f} ms, with the printed index {after:.2f} ms")
        buffers = "explain (analyze, buffers, format json) select * from "
        (plan,) = json.loads(await connection.fetchval(buffers + where))
        read = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        assert read < 200, f"{read} blocks: the table has thousands"
    finally:
        await connection.execute("drop index article_title_idx")


SERVED = [
    *("id=eq.?", "id=in.?&order=title", "id=eq.?&title=ilike.?", "order=id.desc&limit=?", "id=gt.?&order=id&limit=?"),
    *("slug=eq.?", "team_id=eq.?", "team_id=eq.?&order=at.desc", "team_id=eq.?&order=at", "team_id=eq.?&at=gte.?"),
    "team_id=eq.?&order=at.desc,id.desc",
]


@pytest.mark.parametrize("query", SERVED)
async def test_none_is_printed_where_one_serves(slow: Stack, query: str) -> None:
    advice = index_advice(parse_fingerprint(f"GET article?{query}"), await facts_of(slow))
    assert advice.sql == ""
    assert advice.evidence.startswith("the index article_")


BY_SPECIAL_INDEXES = [
    ("token=eq.?", "token = 'a'", "note_token"),
    ("token=in.?&order=id", "token in ('a', 'b') order by id", "note_token"),
    ("path=eq.?", "path = 'a'", "note_path"),
    ("code=eq.?&order=word", "code = 'c7' order by word", "note_code_word_key"),
]


@pytest.mark.parametrize(("query", "where", "name"), BY_SPECIAL_INDEXES)
async def test_none_is_printed_where_postgres_uses_one_of_another_kind(
    slow: Stack, connection: asyncpg.Connection[Any], query: str, where: str, name: str
) -> None:
    used, _ = await plan_of(connection, f"note where {where}")
    advice = index_advice(parse_fingerprint(f"GET note?{query}"), await facts_of(slow))
    assert (advice.sql, used) == ("", {name})
    assert f"the index {name} serves the query" in advice.evidence


async def test_a_computed_column_is_given_no_index(slow: Stack) -> None:
    advice = index_advice(parse_fingerprint("GET note?shout=eq.?&order=shout"), await facts_of(slow))
    assert (advice.sql, advice.evidence.startswith("shout: no column of note")) == ("", True)


async def test_a_view_is_given_no_index_and_a_partitioned_table_one_that_it_takes(slow: Stack) -> None:
    facts = await facts_of(slow)
    assert index_advice(parse_fingerprint("GET article_view?title=eq.?"), facts).sql == ""
    assert "create index on log (text)" in index_advice(parse_fingerprint("GET log?text=eq.?"), facts).sql
