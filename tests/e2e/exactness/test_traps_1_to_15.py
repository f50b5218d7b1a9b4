"""Traps 1 to 15 (docs/explanation/merging.md#traps): what a simple merge gets wrong, fanin answers as PostgREST does.

Each test first shows on PostgREST itself that the trap is set; else it would prove nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
import pytest

from tests.e2e.support.bursts import get
from tests.e2e.support.direct_comparison import compare_with_direct, reads_of, reads_of_num, row_count
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.raw_client import ask
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
FIRST = uuid_of("doc:1")


SPELLINGS = {
    "num?id": ("1", "01", "+1", " 1", "1 ", "2", "02"),
    "doc?id": (FIRST, FIRST.upper(), f"{{{FIRST}}}", FIRST.replace("-", ""), uuid_of("doc:2")),
    "flag?k": ("true", "t", "TRUE", "yes", "on", "1", "false", "f", "0"),
    "dec?k": ("1", "1.0", "1.00", "1e0", "2.5", "2.50", "12"),
    "flo?k": ("1", "1.0", "2.5", "2.50", "0", "-0", "1e17", "100000000000000000"),
}


@pytest.mark.parametrize("key", SPELLINGS)
async def test_trap_1_each_spelling_of_a_value_gets_the_rows(unusual: Stack, key: str) -> None:
    requests = [get(f"/{key}=eq.{quote(spelling, safe='')}") for spelling in SPELLINGS[key]]
    answers, _ = await compare_with_direct(unusual, requests)
    assert answers[0].body == answers[1].body != b"[]"


async def test_trap_2_texts_that_fold_to_one_value_each_get_all_its_rows(unusual: Stack) -> None:
    answers, _ = await compare_with_direct(unusual, reads_of("cit", ("Abc", "ABC", "abc", "1", "12", "x")))
    assert row_count(answers[0]) == row_count(answers[2]) == 2


EQUALS = {
    "letters": [("Elan", "élan"), ("elan", "Elan"), ("ss", "ß"), ("ae", "æ"), ("o", "ø"), ("1", "١"), ("あ", "ア")],
    "shifted": [("ab", "a-b"), ("a-b", "a b"), ("1", "-1")],
    "numbered": [("1", "01"), ("01", "１")],
    "lithuanian": [("yes", "ies"), ("elan", "Elan")],
    "swedish": [("vet", "wet"), ("elan", "Elan")],
}
"""Collations of ICU, and texts that are equal under each."""


@pytest.mark.parametrize("collation", EQUALS)
async def test_trap_2_texts_that_are_equal_under_a_collation_each_get_all_rows(unusual: Stack, collation: str) -> None:
    connection = await asyncpg.connect(unusual.dsn)
    try:
        if await connection.fetchval("select to_regclass($1)", f"unusual.{collation}") is None:
            pytest.skip("this Postgres was built without ICU")
    finally:
        await connection.close()
    for pair in EQUALS[collation]:
        answers, _ = await compare_with_direct(unusual, reads_of(collation, pair))
        assert answers[0].body == answers[1].body
        assert row_count(answers[0]) > 1
    await compare_with_direct(unusual, reads_of(collation, [text for pair in EQUALS[collation] for text in pair]))


async def test_trap_3_a_char_is_compared_by_its_first_byte_only(unusual: Stack) -> None:
    answers, _ = await compare_with_direct(unusual, reads_of("chr", ("1", "12", "17", "2", "-", "-1", "0", "a", "ab")))
    assert answers[0].body == answers[1].body != b"[]"


async def test_trap_4_an_empty_text_is_found_with_company_and_without(unusual: Stack) -> None:
    lone = await ask(unusual.url, get("/phrase?k=in.(%22%22)"))
    assert lone.body == b"[]"
    for literals in ([""], ["", ""], ["", "a", "b"]):
        answers, _ = await compare_with_direct(unusual, reads_of("phrase", literals))
        assert row_count(answers[0]) == 1


async def test_trap_5_texts_that_a_bare_list_would_misread_are_found(unusual: Stack) -> None:
    literals = (" lead", "lead", "trail ", "a,b", "a", "b", "a)", "(a", "(a,b)", '"q"', "q", '"', 'a"b', "back\\slash")
    rest = ("\\", "null", "NULL", "*", "{a,b}", "\ttab", "x\ny", "é", "a.b", "a:b")
    answers, _ = await compare_with_direct(unusual, reads_of("phrase", literals + rest))
    assert [row_count(answer) for answer in answers] == [
        int(literal not in ("lead", "q")) for literal in literals + rest
    ]
    naive = await ask(unusual.url, get("/phrase?k=in.(%20lead,a,b)"))
    assert row_count(naive) == 2


async def test_trap_6_a_semicolon_separates_parameters(unusual: Stack) -> None:
    requests = [get(f"/num?select=id;id=eq.{n}") for n in range(1, 7)]
    requests += [get(f"/num?id=eq.{n};select=id") for n in range(1, 7)]
    answers, _ = await compare_with_direct(unusual, requests)
    assert [answer.body for answer in answers] == [b'[{"id":%d}]' % n for n in (*range(1, 7), *range(1, 7))]


async def test_trap_7_what_stands_between_two_rows_may_stand_in_a_row(unusual: Stack) -> None:
    answers, taken = await compare_with_direct(unusual, reads_of_num(range(1, 21), "&select=id,j,title"))
    assert sum(b"}, \n {" in answer.body for answer in answers) == 5
    assert max(taken) < len(answers)


async def test_trap_8_rows_that_max_rows_cuts_off_are_not_missing(unusual: Stack) -> None:
    with postgrest_with(unusual, db_max_rows="3") as cut:
        naive = await ask(cut.url, get("/num?select=id&id=in.(1,2,3,4,5)"))
        assert (naive.status, row_count(naive)) == (200, 3)
        answers, _ = await compare_with_direct(cut, reads_of_num(range(1, 6)))
    assert [row_count(answer) for answer in answers] == [1] * 5


async def test_trap_9_a_views_inherited_primary_key_is_not_unique(unusual: Stack) -> None:
    root = json.loads((await ask(unusual.url, get("/"))).body)
    assert "<pk/>" in root["definitions"]["num_kid"]["properties"]["id"]["description"]
    for more, expected in (("", 4), ("&limit=1", 1), ("&limit=3&order=note", 3)):
        answers, _ = await compare_with_direct(unusual, [get(f"/num_kid?id=eq.{n}{more}") for n in range(1, 7)])
        assert {row_count(answer) for answer in answers} == {expected}


@pytest.mark.parametrize("more", ["", "&order=room", "&order=body", "&order=room.desc,id", "&order=room&limit=1"])
async def test_trap_10_rows_keep_the_order_that_they_have_alone(unusual: Stack, more: str) -> None:
    one, many = "/msg?room=eq.7", "/msg?room=in.(7,8)&id=in.(393,353,313)"
    alone, among = [json.loads((await ask(unusual.url, get(target))).body) for target in (one, many)]
    assert alone == among[::-1], "the trap: many keys are read in another order"
    await compare_with_direct(unusual, [get(f"/msg?room=eq.{n}&select=id,body{more}") for n in range(1, 13)])


async def test_trap_11_embeds_are_printed_in_the_order_of_their_filters(unusual: Stack) -> None:
    filters = ("kid.id=gt.0", "tag.id=gt.0")
    queries = [f"select=id,kid(id),tag(id)&{'&'.join(order)}" for order in (filters, filters[::-1])]
    requests = [get(f"/num?id=eq.{n}&{query}") for n in range(2, 8) for query in queries]
    answers, taken = await compare_with_direct(unusual, requests)
    assert answers[0].body != answers[1].body
    assert json.loads(answers[0].body) == json.loads(answers[1].body)
    assert all(2 <= count < len(requests) for count in taken)


@pytest.mark.parametrize(
    ("query", "alone"),
    [
        ("limit=2&limit=1&order=id", b'[{"id":'),
        ("order=id.desc&order=id.asc&limit=1", b'[{"id":'),
        ("select=note&select=id", b'[{"note":'),
    ],
)
async def test_trap_12_of_a_parameter_given_twice_the_same_one_counts(unusual: Stack, query: str, alone: bytes) -> None:
    answers, _ = await compare_with_direct(unusual, [get(f"/many?k=eq.{n}&{query}") for n in range(1, 7)])
    assert all(answer.body.startswith(alone) for answer in answers)
    swapped = "&".join(reversed(query.split("&")[:2]))
    naive = await ask(unusual.url, get(f"/many?k=eq.1&{swapped}"))
    assert naive.body != answers[0].body


async def test_trap_13_an_aggregate_over_nothing_is_a_row(unusual: Stack) -> None:
    with postgrest_with(unusual, db_aggregates_enabled="true") as counting:
        requests = [get(f"/num?select=count()&id=eq.{n}") for n in (1, 2, 5001, 5002)]
        answers, taken = await compare_with_direct(counting, requests)
    if b"postgrest/11" in answers[0].values(b"server")[0]:  # it has no aggregates
        assert {answer.status for answer in answers} == {400}
    else:
        assert [answer.body for answer in answers] == [b'[{"count":1}]'] * 2 + [b'[{"count":0}]'] * 2
        assert taken == [len(requests)] * len(taken)


@pytest.mark.parametrize(("column", "header"), [("noisy", b"x-film"), ("crumbs", b"set-cookie")])
async def test_trap_14_a_header_that_a_row_sets_reaches_its_own_caller_only(
    unusual: Stack, column: str, header: bytes
) -> None:
    answers, _ = await compare_with_direct(unusual, reads_of_num(range(2, 8), f"&select=id,{column}"))
    said = [answer.values(header) for answer in answers]
    assert [len(values) for values in said] == [1] * 6
    assert len({values[0] for values in said}) == 6


async def test_trap_15_rows_that_a_header_owns_reach_nobody_else(unusual: Stack) -> None:
    heads = ("X-Owner: ann", "X-Owner: bob", "Cookie: owner=ann", "Cookie: owner=bob")
    requests = [get(f"/mine?id=eq.{n}", head) for n in range(1, 13) for head in heads]
    answers, taken = await compare_with_direct(unusual, requests)
    found = {
        (head, row["owner"]) for at, head in enumerate(heads) for a in answers[at::4] for row in json.loads(a.body)
    }
    assert found == {(head, head[-3:]) for head in heads}
    assert all(len(heads) <= count < len(requests) for count in taken)
