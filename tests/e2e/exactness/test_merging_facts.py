"""Facts of docs/explanation/merging.md that no other test shows, asked of PostgREST itself: fanin is not in between."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import anchors
from tests.e2e.support.bursts import get
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.raw_client import RawClient, ask
from tests.e2e.support.unusual_types import postgrest_with
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
LONGEST_HEAD = 51_202  # bytes


FACTS: dict[str, list[tuple[str, int, bytes]]] = {
    "lists": [
        ("/num?select=id&id=in.(1,2)x&order=id", 200, b'[{"id":1}, \n {"id":2}]'),
        ("/num?select=id&id=in.()", 200, b"[]"),
        ("/phrase?select=k&k=in.(b,)&order=k", 200, b'[{"k":""}, \n {"k":"b"}]'),
    ],
    "separators": [
        ("/phrase?select=k&k=eq.b%00zz", 200, b'[{"k":"b"}]'),
        ("/phrase?select=k&k=eq.%FF", 500, b"Something went wrong"),
    ],
    "set-filter": [
        ("/phrase?select=k&k=in.(%20lead)", 200, b"[]"),
        ("/phrase?select=k&k=eq.%20lead", 200, b'[{"k":" lead"}]'),
        ("/phrase?select=k&k=eq(any).{%22%22}", 200, b'[{"k":""}]'),
        ("/phrase?select=k&k=eq(any).{%22%20lead%22,%22a,b%22}&order=k", 200, b'[{"k":" lead"}, \n {"k":"a,b"}]'),
    ],
    "hidden-column": [
        ("/small?select=w:id::text,w&id=eq.1", 200, b'[{"w":"1","w":100000}]'),
        ("/small?select=&id=eq.1", 200, b'[{"id":1,"k":-19,"w":100000}]'),
    ],
    "row-boundaries": [
        ("/small?select=id&id=in.(1,2)&order=id", 200, b'[{"id":1}, \n {"id":2}]'),
        ("/dec?select=k&id=eq.3", 200, b'[{"k":2.50}]'),
        ("/num?select=j&id=eq.1", 200, b'[{"j":{"a" : 1,"a":2}}]'),
    ],
    "types": [
        ("/dec?select=id&k=eq.1&order=id", 200, b'[{"id":1}, \n {"id":2}]'),
        ("/chr?select=id&k=eq.12", 200, b'[{"id":1}]'),
        ("/flag?select=id&k=eq.yes", 200, b'[{"id":1}]'),
    ],
}
"""By the anchor of the heading: targets, and the status and body that PostgREST answers."""


@pytest.mark.parametrize(("target", "status", "body"), [case for cases in FACTS.values() for case in cases])
async def test_postgrest_answers_as_the_page_says(unusual: Stack, target: str, status: int, body: bytes) -> None:
    answer = await ask(unusual.url, get(target))
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    ("select", "members"),
    [("id,x:id::text,num(id)", ["id", "x", "num"]), ("x:id::text,num(id),id", ["x", "id", "num"])],
)
async def test_members_have_the_order_of_the_select_with_embeds_last(
    unusual: Stack, select: str, members: list[str]
) -> None:
    (row,) = json.loads((await ask(unusual.url, get(f"/kid?select={select}&id=eq.1"))).body)
    assert list(row) == members


def test_each_of_these_facts_has_its_heading() -> None:
    assert FACTS.keys() <= anchors(ROOT / "docs/explanation/merging.md")


async def test_an_array_column_takes_eq_and_no_list(unusual: Stack) -> None:
    alone, together = [
        await ask(unusual.url, get(f"/kinds?select=id&ar={value}")) for value in ("eq.{1}", "in.({1},{2})")
    ]
    assert (alone.status, together.status) == (200, 400)


QUESTIONS = {
    "/num?select=id&id=adj.x&limit=0": "operator does not exist: integer -|- unknown",
    "/kinds?select=dt&dt=adj.x&limit=0": "operator does not exist: short_text -|- unknown",
    "/kinds?select=ci&ci=adj.x&limit=0": "operator does not exist: citext -|- unknown",
    "/kids?select=title&title=adj.x&limit=0": "operator does not exist: text -|- unknown",
    "/num?select=loud&loud=adj.x&limit=0": "operator does not exist: text -|- unknown",
    "/kinds?select=rp&rp=adj.x&limit=0": "operator does not exist: color -|- color",
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_the_type_question_is_answered_with_the_type(unusual: Stack, question: str) -> None:
    answer = await ask(unusual.url, get(question))
    assert json.loads(answer.body)["message"].replace('"', "") == QUESTIONS[question]


async def test_a_count_shows_that_rows_are_missing(unusual: Stack) -> None:
    with postgrest_with(unusual, db_max_rows="3") as cut:
        target = "/num?select=id&id=in.(1,2,3,4,5)"
        silent, counted = [await ask(cut.url, get(target, *lines)) for lines in ((), ("Prefer: count=exact",))]
    assert (silent.status, silent.values(b"content-range")) == (200, [b"0-2/*"])
    assert (counted.status, counted.values(b"content-range")) == (206, [b"0-2/5"])


async def test_a_request_head_of_one_byte_more_than_postgrest_takes_is_refused(unusual: Stack) -> None:
    answers = []
    for size in (LONGEST_HEAD, LONGEST_HEAD + 1):
        request = get("/num?select=id&id=eq.1&title=neq.")
        request = request.replace(b"neq.", b"neq." + b"x" * (size - len(request)))
        assert len(request) == size
        async with RawClient(unusual.url) as client:
            await client.send(request)
            answers.append(await client.answer())
    assert [answer.status for answer in answers] == [200, 400]
    assert answers[1].values(b"content-type")[0].startswith(b"text/plain")


async def test_csv_without_rows_has_no_names(unusual: Stack) -> None:
    answer = await ask(unusual.url, get("/num?select=id&id=eq.0", "Accept: text/csv"))
    assert answer.body.strip() == b""


async def test_a_call_for_many_rows_has_one_time_and_one_pre_request(unusual: Stack) -> None:
    with postgrest_with(unusual, db_pre_request="unusual.count_call") as counting:
        both = f"/doc?select=clock,calls&id=in.({uuid_of('doc:1')},{uuid_of('doc:2')})"
        one, other = json.loads((await ask(counting.url, get(both))).body)
    assert one["clock"] == other["clock"]
    assert [one["calls"], other["calls"]] == ["1", "1"]
