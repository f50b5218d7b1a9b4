"""The SQL that `fanin explain` prints is right: run on Postgres, it returns the rows that PostgREST answers."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.postgrest.names import KEYWORDS
from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.statement import sql_of
from tests.e2e.support.bursts import get, one_by_one
from tests.e2e.support.decision_table import Row
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.request_templates import TEMPLATES
from tests.e2e.support.unusual_types import postgrest_with, unusual_tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

FOREIGN_KEYS = """
drop schema if exists explained cascade;
create schema explained;
create function explained.foreign_key(unusual.kid, unusual.num) returns boolean return $1.num_id = $2.id;
create function explained.foreign_key(unusual.num, unusual.kid) returns boolean return $1.id = $2.num_id;
"""
"""What the printed SQL calls by this name, for the one foreign key of the tables."""


@pytest.fixture(scope="module")
def unusual(stack: Stack) -> Iterator[Stack]:
    with unusual_tables(stack) as made, postgrest_with(stack, db_aggregates_enabled="true") as summing:
        yield made._replace(url=summing.url)


PLAIN = (
    "/num?id=lt.4",
    "/num?select=id,title&id=eq.5",
    "/num?select=id,name:title,owner::text&id=gte.998&order=id",
    "/num?select=id:title,title:id&id=lt.4&order=id.desc",
    "/num?select=id&order=id.desc&limit=3&offset=2",
    "/num?select=id&order=id&offset=995",
    "/num?select=id&limit=0",
    "/num?select=id,boom&id=eq.4",
    "/num?select=&id=eq.1",
    "/num?id=neq.1&id=lte.3&order=id",
    "/num?select=id&title=like.film 9*&order=id",
    "/num?select=id&title=ilike.FILM_9&order=id",
    "/num?select=id&title=like(any).{film 1,film 22*}&order=id",
    "/num?select=id&title=ilike(all).{*1*,*2*}&order=id&limit=9",
    "/num?select=id&title=match.^film 1[0-2]$&order=id",
    "/num?select=id&title=imatch.^FILM 1[0-2]$&order=id",
    "/num?select=id&title=not.like.*1*&id=lt.13&order=id",
    '/num?select=id,title&title=eq.film 5 "é" \\ %0A',
    "/num?select=id&id=in.(1,2, 3)&order=id",
    "/num?select=id&id=in.()",
    '/num?select=id&title=in.("film 1","film 2",film 3)&order=id',
    "/num?select=id&id=not.in.(1,2)&id=lt.5&order=id",
    "/num?select=id&id=eq(any).{7,8}&order=id",
    "/num?select=id&id=gt(all).{997,998}&order=id",
    "/num?select=id&id=eq.1&select=title",
    "/num?select=id,j&j=is.null&order=id&limit=4",
    "/num?select=id&j=not.is.null&order=id&limit=4",
    "/num?select=id,n:b->n,b->>n,first:j->0->a,j->0&id=lt.9&order=id",
    "/num?select=id,b->n::text&b->>n=eq.8",
    "/num?select=id&b->n=lt.4&order=b->n.desc",
    "/num?select=id&j->0->>a=eq.1&id=lt.20&order=id",
    "/num?select=id&j->-1->>id=eq.2&id=lt.20&order=id",
    "/num?select=id&or=(id.eq.1,id.eq.3,and(id.gt.5,id.lt.8))&order=id",
    "/num?select=id&not.or=(id.gt.5,title.eq.film 2)&order=id",
    "/num?select=id&and=(id.gt.2,or(title.like.*3,not.and(id.lt.998,id.gt.4)))&order=id",
    '/num?select=id&or=(title.in.("film 1",film 2),title.eq."film 3",id.not.gt.0)&order=id',
    "/num?select=id&or=(b->>n.eq.3,id.eq(any).{1,2})&order=id",
    f"/doc?select=n,price,at&id=eq.{uuid_of('doc:3')}",
    "/doc?select=n&price=gt.85.5&order=price.desc,n",
    "/doc?select=n,day:at::date&at=gte.2025-01-26T00:00:00%2B00:00&order=n",
    "/words?select=id,k&k=eq.&order=id",
    "/words?select=id,k&k=eq. 1",
    "/words?select=id,k&order=k.desc.nullslast,id",
    "/cit?k=eq.abc&order=id",
    "/flag?k=is.true",
    "/flag?k=is.unknown",
    "/flag?k=not.is.false&order=id",
    "/flag?k=isdistinct.true&order=id",
    "/flag?order=k.nullsfirst",
    "/flag?order=k.desc",
    "/event?select=id&order=seen.desc.nullslast,name,id&limit=40",
    "/event?select=id&order=seen.asc.nullsfirst,id&limit=40",
    "/we%3Fird?select=id&id=lt.3&order=id",
    "/pair?a=eq.3&b=in.(4,5)&order=b.desc",
    "/kinds?select=id&ar=cs.{1}&order=id&limit=5",
    "/kinds?select=id&ar=cd.{1,5}&order=id&limit=5",
    "/kinds?select=id&ar=ov.{2,7}&order=id&limit=5",
    '/kinds?select=id&jb=cs.{"n":3}&order=id&limit=5',
    "/kinds?select=id&rg=sl.[9,12)&order=id&limit=5",
    "/kinds?select=id&rg=sr.[0,1)&order=id&limit=5",
    "/kinds?select=id&rg=nxr.[0,9)&order=id&limit=5",
    "/kinds?select=id&rg=nxl.[1,9)&order=id&limit=5",
    "/kinds?select=id&rg=adj.[9,12)&order=id&limit=5",
    "/kinds?select=id&tv=fts(simple).a&order=id&limit=5",
    "/kinds?select=id&tv=plfts.b&order=id&limit=5",
    "/kinds?select=id&t=phfts(simple).ab&order=id&limit=5",
    "/kinds?select=id&tv=not.wfts(simple).c or d&order=id&limit=5",
    "/kinds?select=id,t&t=eq.x%0Ay&order=id",
    "/kinds?select=id,t&t=in.(%22x%0Ay%22,%22a,b%22)&order=id",
    "/kinds?select=id,en&en=gt.glad&order=en,id&limit=9",
    "/kinds?select=id,iv&iv=eq.1 day&order=id",
    "/event?select=count()",
    "/event?select=k,count(),price.sum(),most:price.max()::text&k=lt.5&order=k",
    "/event?select=room,price.avg()::int,price::text.min()&order=room",
    "/event?select=at::date,id.count()&order=at&limit=3",
)
EMPTY = {"/num?select=id&limit=0", "/num?select=id&id=in.()"}
MANY = (
    "/num?select=id,kid(id,note)&id=lt.5&order=id&kid.order=id",
    "/num?select=id,children:kid(id)&id=lt.9&order=id&children.order=id.desc&children.limit=2&children.offset=1",
    "/num?select=id,kid!inner(note)&kid.note=like.*7&order=id&kid.order=id",
    "/num?select=*,kid(*)&kid.or=(id.eq.1,id.eq.51)&id=eq.1&kid.order=id",
    "/num?select=id,kid()&kid=is.null&id=lt.60&order=id",
    "/num?select=id,kid(id)&kid.id=lt.9&kid=not.is.null&order=id",
    "/num?select=kid(note)&id=eq.2&kid.order=id",
    "/num?select=title,kid(id,num(id,kid(id)))&id=eq.7&kid.order=id&kid.num.kid.order=id",
)
"""Embeds; the ones called `num` lead to one row."""
ONE = (
    "/kid?select=id,num(title)&id=lt.5&order=id",
    "/kid?select=id,...num(title,film:id)&id=lt.5&order=id",
    "/kid?select=id,num!inner(id)&num.id=lt.4&order=id",
)


@asynccontextmanager
async def database(stack: Stack) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection that finds the tables by their names alone."""
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(FOREIGN_KEYS + "set search_path to unusual, explained, public, extensions")
        yield connection
    finally:
        await connection.close()


async def rows_of(stack: Stack, target: str) -> tuple[list[Any], list[Any]]:
    """PostgREST's rows, and those of the printed SQL."""
    written = target.replace(" ", "%20").replace('"', "%22").replace("\\", "%5C")
    (answer,) = await one_by_one(stack.url, [get(written)])
    assert answer.status == 200, answer.body
    async with database(stack) as connection:
        return json.loads(answer.body), await rows_by_sql(connection, written)


async def rows_by_sql(connection: asyncpg.Connection[asyncpg.Record], target: str) -> list[Any]:
    """The rows of the printed SQL, of which Postgres makes JSON."""
    asked = read_api_request(b"GET", target.encode(), b"", "", (), b"")
    assert asked is not None
    sql = sql_of(asked).statement.removesuffix(";")
    rows = json.loads(await connection.fetchval(f"select coalesce(json_agg(row_to_json(x)), '[]') from ({sql}) x"))
    return [_with_one(row) for row in rows]


@pytest.mark.parametrize("target", PLAIN)
async def test_the_sql_of_a_read_returns_postgrests_rows(unusual: Stack, target: str) -> None:
    answered, made = await rows_of(unusual, target)
    assert bool(answered) is (target not in EMPTY)
    assert made == answered if "order=" in target else sorted(map(str, made)) == sorted(map(str, answered))


@pytest.mark.parametrize("target", MANY + ONE)
async def test_the_sql_of_an_embed_returns_postgrests_rows_once_it_knows_the_foreign_key(
    unusual: Stack, target: str
) -> None:
    answered, made = await rows_of(unusual, target)
    assert answered
    assert made == answered


REFUSED = (
    "/num?id=1",
    "/num?id=eq",
    "/num?id=equals.1",
    "/num?id=neq(any).{1}",
    "/num?id=in.1",
    "/num?j=is.nothing",
    "/num?or=()",
    "/num?or=(id)",
    "/num?or=(not.id.eq.1)",
    "/num?or=(id.eq.1",
    "/num?select=id,",
    "/num?select=x:*",
    "/num?select=id.median()",
    "/num?select=kid(id",
    "/num?select=id!inner",
    "/num?order=id.up",
    "/num?order=id.nullslast.desc",
    "/num?kid.id=eq.1",
)
IGNORED = (
    "/num?select=id)x&id=eq.1",
    "/num?select=,id&id=eq.1",
    "/num?id=in.(1)x",
    "/num?title=is.nullx",
    "/num?id&id=eq.1",
)


@pytest.mark.parametrize("target", REFUSED)
async def test_what_is_said_to_be_refused_postgrest_refuses(unusual: Stack, target: str) -> None:
    (answer,) = await one_by_one(unusual.url, [get(target)])
    assert answer.status == 400
    asked = read_api_request(b"GET", target.encode(), b"", "", (), b"")
    assert asked is not None
    assert any("PostgREST rejects" in note for note in sql_of(asked).notes)


@pytest.mark.parametrize("target", IGNORED)
async def test_what_postgrest_ignores_the_sql_ignores(unusual: Stack, target: str) -> None:
    answered, made = await rows_of(unusual, target)
    assert made == answered


async def test_the_sql_of_random_reads_returns_postgrests_rows_or_fails_as_postgrest_does(unusual: Stack) -> None:
    chance = random.Random(12)
    relations = [one for one in TEMPLATES if "/" not in one.target[1:] and Row.BYTES not in one.rows]
    # Of a data representation the column is printed, and PostgREST shows what its cast to JSON makes of it.
    templates = [one for one in relations if one.head is None and not one.owned and one.kind != "rp"]
    targets = [one.target.replace("{}", one.literals(chance)).replace(" ", "%20") for one in templates * 2]
    targets = [target for target in targets if "%00" not in target and "%FF" not in target]
    answers = await one_by_one(unusual.url, [get(target) for target in targets])
    async with database(unusual) as connection:
        for target, answer in zip(targets, answers, strict=True):
            try:
                made = await rows_by_sql(connection, target)
            except asyncpg.PostgresError:
                assert answer.status >= 400, target
            else:
                assert answer.status == 200, target
                assert sorted(map(str, made)) == sorted(map(str, json.loads(answer.body))), target


def _with_one(value: Any) -> Any:
    """A row as PostgREST shows it: what the key leads to at most one of is no array."""
    if isinstance(value, list):
        return [_with_one(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: next(map(_with_one, inner), None) if name == "num" else _with_one(inner) for name, inner in value.items()
    }


async def test_every_word_that_postgres_wants_quoted_is_known(unusual: Stack) -> None:
    connection = await asyncpg.connect(unusual.dsn)
    try:
        words = await connection.fetch("select word from pg_get_keywords() where catcode <> 'U'")
    finally:
        await connection.close()
    assert {row["word"] for row in words} <= KEYWORDS
