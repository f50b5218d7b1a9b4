"""The everyday calls of supabase-py, all in flight at once, twice, then each fan-out alone.

everyday_calls.cjs does the same with supabase-js.

`postgrest` is the part of supabase-py that speaks with PostgREST: `supabase.table(…)` hands out its builders.
Prints what the application got, as JSON:
python -m tests.e2e.support.applications.everyday_calls URL AUTHORS_JSON TOKENS_JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import httpx
from postgrest import APIError, AsyncPostgrestClient, CountMethod, ReturnMethod

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

ROUNDS = 2
KEYS = 16
SHOWN = ("content-type", "content-range", "content-location", "content-profile", "preference-applied")
EXACT, MINIMAL = CountMethod.exact, ReturnMethod.minimal
Seen = dict[str, Any]


class Query(Protocol):
    """What a builder ends in."""

    async def execute(self) -> object: ...


Call = Callable[[], Query]
_answers: ContextVar[list[httpx.Response]] = ContextVar("answers")


class Callers(NamedTuple):
    """Clients of the service role, of a person, and of nobody."""

    db: AsyncPostgrestClient
    ann: AsyncPostgrestClient
    nobody: AsyncPostgrestClient
    broken: AsyncPostgrestClient


async def run(url: str, authors: Sequence[str], tokens: Mapping[str, str]) -> list[dict[str, Seen]]:
    """Per round the outcome of each call by its name. ``url`` is where the tables are, without a slash at the end."""
    async with _callers(url, tokens) as callers:
        few = _spread(fans(callers, authors), (1, KEYS - 1))
        calls = reads(callers) | shapes(callers, authors) | failures(callers) | few
        writes = [inserts(callers, number) | changes(callers, number) for number in range(ROUNDS)]
        rounds = [await _together(calls | own) for own in writes]
    # A client that was used before takes milliseconds from one request to the next: too long to be a fan-out.
    for name in fans(callers, authors):
        async with _callers(url, tokens) as callers:
            rounds.append(await _together(_spread({name: fans(callers, authors)[name]}, range(KEYS))))
    return rounds


@asynccontextmanager
async def _callers(url: str, tokens: Mapping[str, str]) -> AsyncIterator[Callers]:
    """Clients that share their connections, all new."""
    hooks = {"response": [_remember]}
    async with httpx.AsyncClient(event_hooks=hooks, verify=False) as session:  # no TLS here: no certificates to load

        def client(token: str) -> AsyncPostgrestClient:
            headers = {"Authorization": f"Bearer {token}"}
            return AsyncPostgrestClient(url, schema="app", headers=headers, http_client=session)

        yield Callers(client(tokens["service"]), client(tokens["ann"]), client(tokens["anon"]), client("a.bad.token"))


def _spread(many: Mapping[str, Callable[[int], Query]], keys: Iterable[int]) -> dict[str, Call]:
    return {f"{name} {n}": partial(fan, n) for name, fan in many.items() for n in keys}


async def _together(calls: Mapping[str, Call]) -> dict[str, Seen]:
    return dict(zip(calls, await asyncio.gather(*[_seen(call) for call in calls.values()]), strict=True))


async def _seen(call: Call) -> Seen:
    """What the application got, and what of the answer's head it could have looked at."""
    answers: list[httpx.Response] = []
    _answers.set(answers)
    seen: Seen = {"data": None, "count": None, "error": None}
    try:
        result = await call().execute()
    except APIError as error:
        seen["error"] = error.json()
    else:
        seen["data"], seen["count"] = getattr(result, "data", result), getattr(result, "count", None)
    seen["status"] = [answer.status_code for answer in answers]
    seen["head"] = [{name: answer.headers.get(name) for name in SHOWN} for answer in answers]
    return seen


async def _remember(answer: httpx.Response) -> None:
    _answers.get().append(answer)


def _rpc(db: AsyncPostgrestClient, name: str, params: dict[str, Any], **options: Any) -> Any:
    """A function's call; that its parameters be texts is said by the library's types only."""
    return db.rpc(name, params, **options)


def fans(callers: Callers, authors: Sequence[str]) -> dict[str, Callable[[int], Query]]:
    """Look-alikes that differ in one key, of which the last may be missing."""
    db, ann = callers.db, callers.ann

    def book(*columns: str, **options: Any) -> Any:
        return db.from_("book").select(*columns, **options)

    def author(*columns: str) -> Any:
        return db.from_("author").select(*columns)

    return {
        "maybe_single by uuid": lambda n: author("*").eq("id", authors[n]).maybe_single(),
        "array by uuid": lambda n: author("id", "name").eq("id", authors[n]),
        "single by number": lambda n: book("title").eq("id", 20 + n if n < KEYS - 1 else 5000).single(),
        "count by number": lambda n: book("id", count=EXACT).eq("id", 30 + n),
        "embed by number": lambda n: book("title,author(name)").eq("id", 40 + n).maybe_single(),
        "two filters": lambda n: book("price").eq("id", 50 + n).gt("price", 1).maybe_single(),
        "limit by uuid": lambda n: author("name").eq("id", authors[n]).limit(1).maybe_single(),
        "own row": lambda n: ann.from_("secret").select("words").eq("id", 1 + n).maybe_single(),
        "several rows in order": lambda n: book("id,title").eq("author_id", authors[n]).order("id"),
        "several rows": lambda n: book("id,at").eq("author_id", authors[n]),
        "head by number": lambda n: book("*", count=EXACT, head=True).eq("id", 70 + n),
        "csv by number": lambda n: book("id,title").eq("id", 80 + n).csv(),
        "text key": lambda n: author("born").eq("name", f"author {n}").maybe_single(),
        "json key": lambda n: book("id").eq("extra->>pages", str(90 + n)).maybe_single(),
        "function by GET": lambda n: _rpc(db, "plus", {"a": n, "b": 1}, get=True),
        "function by POST": lambda n: _rpc(db, "plus", {"a": n, "b": 2}),
    }


def reads(callers: Callers) -> dict[str, Call]:
    """Filters, orders and pages."""
    db = callers.db

    def book(*columns: str, **options: Any) -> Any:
        return db.from_("book").select(*columns, **options)

    def author(*columns: str) -> Any:
        return db.from_("author").select(*columns)

    return {
        "all": lambda: author("*").order("id"),
        "order": lambda: book("id,price").order("price", desc=True, nullsfirst=True).order("id"),
        "range": lambda: book("id").order("id").range(10, 19),
        "range beyond the end": lambda: book("id", count=EXACT).order("id").range(500, 509),
        "limit": lambda: book("id,title").order("at", desc=True).limit(3),
        "not equal": lambda: book("id").neq("id", 3).lt("id", 9).order("id"),
        "between": lambda: book("id").gte("price", 10).lte("price", 20.5).gt("id", 2).order("id"),
        "like": lambda: book("id").like("title", "%1%").ilike("title", "BOOK 1%").order("id"),
        "is null": lambda: author("name").is_("note", None).order("id"),
        "in a list": lambda: book("id,title").in_("id", [5, 3, 99, 4000]).order("id"),
        "in a list of text": lambda: author("name").in_("name", ["author 1", "a,b", '"q"', ""]).order("id"),
        "contains": lambda: book("id").contains("tags", ["t1"]).contains("extra", {"kind": "k1"}).order("id"),
        "overlaps": lambda: book("id").overlaps("tags", ["t4", "t2"]).order("id").limit(9),
        "contained by": lambda: book("id").contained_by("tags", ["t0", "t1"]).order("id"),
        "or": lambda: book("id").or_("id.eq.1,and(id.gt.5,id.lt.8),title.like.*20*").order("id"),
        "not": lambda: book("id").not_.in_("id", [1, 2, 3]).lt("id", 6).order("id"),
        "match": lambda: book("id").match({"id": 7, "title": "book 7 of the sea"}),
        "filter": lambda: book("id").filter("extra->>kind", "eq", "k2").order("id").limit(4),
        "text search": lambda: book("id").text_search("title", "'sea' & '12'", {"config": "english"}),
    }


def shapes(callers: Callers, authors: Sequence[str]) -> dict[str, Call]:
    """Embeds, counts, other media types, other people, functions."""
    db = callers.db

    def book(*columns: str, **options: Any) -> Any:
        return db.from_("book").select(*columns, **options)

    def author(*columns: str) -> Any:
        return db.from_("author").select(*columns)

    return {
        "embed in order": lambda: (
            author("name,book(title)")
            .order("id")
            .limit(5)
            .order("title", foreign_table="book")
            .limit(2, foreign_table="book")
        ),
        "inner embed": lambda: book("id,author!inner(name)").eq("author.name", "author 4").order("id"),
        "json paths": lambda: book("id,extra->kind,pages:extra->>pages").order("id").limit(3),
        "planned count": lambda: book("id", count=CountMethod.planned).eq("id", 1),
        "estimated count": lambda: book("id", count=CountMethod.estimated).gt("id", 100).order("id"),
        "head": lambda: book("*", count=EXACT, head=True),
        "csv": lambda: author("name,note").order("id").csv(),
        "csv of nothing": lambda: author("name").eq("name", "nobody").csv(),
        "rows behind a policy": lambda: callers.ann.from_("secret").select("*").lt("id", 20).order("id"),
        "rows for nobody": lambda: callers.nobody.from_("secret").select("*"),
        "function with rows": lambda: _rpc(db, "books_of", {"author": authors[1]}).gt("id", 10).order("id"),
        "function with rows by GET": lambda: _rpc(db, "books_of", {"author": authors[2]}, get=True).limit(2),
        "function head": lambda: _rpc(db, "books_of", {"author": authors[3]}, count=EXACT, head=True),
        "function, one row of it": lambda: _rpc(db, "books_of", {"author": authors[4]}).eq("id", 3).maybe_single(),
    }


def failures(callers: Callers) -> dict[str, Call]:
    """What an application does wrong."""
    db = callers.db

    def book(*columns: str) -> Any:
        return db.from_("book").select(*columns)

    return {
        "single of several": lambda: book("id").lt("id", 4).single(),
        "single of none": lambda: book("id").eq("id", 6000).single(),
        "maybe_single of several": lambda: book("id").lt("id", 4).maybe_single(),
        "unknown column": lambda: book("nope").eq("id", 1),
        "unknown column in a filter": lambda: book("id").eq("nope", 1),
        "unknown column in the order": lambda: book("id").eq("id", 1).order("nope"),
        "unknown table": lambda: db.from_("nowhere").select("*").eq("id", 1),
        "unknown embed": lambda: book("id,nowhere(id)").eq("id", 1),
        "unknown schema": lambda: db.schema("nowhere").from_("book").select("*").eq("id", 1),
        "unknown function": lambda: _rpc(db, "nothing", {"a": 1}),
        "bad uuid": lambda: db.from_("author").select("name").eq("id", "not-a-uuid"),
        "bad number": lambda: book("id").eq("id", "x"),
        "no such person": lambda: callers.broken.from_("book").select("id").eq("id", 1),
        "a table that is closed": lambda: callers.nobody.from_("closed").select("*").eq("id", 1),
        "a plan that nobody may see": lambda: book("*").explain(),
        "a function that fails": lambda: _rpc(db, "fail", {"what": "x"}),
        "a function that fails by GET": lambda: _rpc(db, "fail", {"what": "y"}, get=True),
    }


def inserts(callers: Callers, number: int) -> dict[str, Call]:
    """New rows, whose numbers are above 1000: round ``number`` has a hundred for itself."""
    db, ann, nobody = callers.db, callers.ann, callers.nobody
    new = 1000 + number * 100

    def item() -> Any:
        return db.from_("item")

    def row(place: int, **more: object) -> dict[str, object]:
        return {"id": new + place, "slug": f"new {new + place}", **more}

    return {
        "insert": lambda: item().insert(row(1), returning=MINIMAL),
        "insert and read": lambda: item().insert(row(2)),
        "insert and read one": lambda: item().insert(row(3, name="é")).select("slug", "qty"),
        "insert several": lambda: item().insert([row(4), row(5)], count=EXACT),
        "insert with defaults": lambda: item().insert([row(6), row(7, qty=7)], default_to_null=False),
        "insert a number of its own": lambda: db.from_("log").insert({"what": f"{new}"}).select("what"),
        "upsert of a new row": lambda: item().upsert(row(8)),
        "unique violation": lambda: item().insert({"id": 2000 + new, "slug": "slug-50"}),
        "key taken": lambda: item().insert({"id": 50, "slug": "y"}, returning=MINIMAL),
        "null violation": lambda: item().insert({"id": 2000 + new}),
        "unknown column written": lambda: item().insert({"id": 2000 + new, "nope": 1}),
        "a row refused by its policy": lambda: ann.from_("secret").insert({"id": 99, "owner": "bob", "words": "w"}),
        "a row refused to nobody": lambda: nobody.from_("secret").insert({"id": 98, "owner": "bob", "words": "w"}),
    }


def changes(callers: Callers, number: int) -> dict[str, Call]:
    """Rows that are there: each call of round ``number`` has one to itself, of the hundred from ``number * 100`` on."""
    db, ann = callers.db, callers.ann
    old = number * 100

    def item() -> Any:
        return db.from_("item")

    return {
        "upsert of an old row": lambda: item().upsert({"id": old + 9, "slug": f"slug-{old + 9}", "qty": 900}),
        "upsert by slug": lambda: item().upsert({"id": old + 10, "slug": f"slug-{old + 10}"}, on_conflict="slug"),
        "upsert that leaves it": lambda: item().upsert({"id": old + 11, "slug": "x"}, ignore_duplicates=True),
        "update": lambda: item().update({"qty": 12}, returning=MINIMAL).eq("id", old + 12),
        "update and read": lambda: item().update({"qty": 13}).eq("id", old + 13),
        "update and count": lambda: item().update({"name": "m"}, count=EXACT).in_("id", [old + 14, old + 15]),
        "update of none": lambda: item().update({"qty": 1}).eq("id", 9999),
        "delete": lambda: item().delete(returning=MINIMAL).eq("id", old + 16),
        "delete and read": lambda: item().delete(count=EXACT).eq("id", old + 17),
        "delete of none": lambda: item().delete().eq("id", 9999),
        "function that writes": lambda: _rpc(db, "rename", {"item": old + 18, "name": "renamed"}),
        "own row written": lambda: ann.from_("secret").update({"words": "w"}).eq("id", 30 + 2 * number),
        "another one's row written": lambda: ann.from_("secret").update({"words": "stolen"}).eq("id", 31),
        "check violation": lambda: item().update({"qty": -1}).eq("id", old + 50),
        "foreign key violation": lambda: item().update({"author_id": "0" * 32}).eq("id", old + 51),
        "function that fails to write": lambda: _rpc(db, "rename", {"item": old + 52, "name": "never"}, get=True),
    }


if __name__ == "__main__":
    url, authors, tokens = sys.argv[1:]
    print(json.dumps(asyncio.run(run(url, json.loads(authors), json.loads(tokens)))))
