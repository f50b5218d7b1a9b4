"""Traps 16 to 29 (docs/explanation/merging.md#traps): time, errors, writes, and the calls themselves."""

from __future__ import annotations

import json

import pytest

from proxy.demo.stack import PostgREST
from tests.conftest import SECRET, Stack
from tests.e2e.support.bursts import get
from tests.e2e.support.direct_comparison import (
    compare_with_direct,
    compare_writes_with_direct,
    reads_of,
    reads_of_num,
    row_count,
    write_request,
)
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.raw_client import ask
from tests.e2e.support.unusual_types import postgrest_with
from tests.e2e.support.write_between_reads import read_around_a_write

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def test_trap_16_a_read_after_an_acknowledged_write_sees_it_while_the_same_read_is_in_flight(
    unusual: Stack,
) -> None:
    before, after = await read_around_a_write(unusual, 6)
    assert b'"note":"before"' in before.body
    assert b'"note":"after"' in after.body


async def test_trap_17_a_literal_of_another_type_fails_its_own_request_only(unusual: Stack) -> None:
    literals = ("1", "abc", "2", "99999999999", "3", "1.5", "", uuid_of("doc:1"))
    answers, _ = await compare_with_direct(unusual, [get(f"/num?id=eq.{literal}") for literal in literals])
    assert [answer.status for answer in answers] == [200, 400, 200, 400, 200, 400, 400, 400]
    assert (await ask(unusual.url, get("/num?id=in.(1,abc)"))).status == 400


async def test_trap_17_a_row_that_raises_fails_its_own_request_only(unusual: Stack) -> None:
    answers, _ = await compare_with_direct(unusual, reads_of_num(range(1, 7), "&select=id,boom"))
    assert [answer.status for answer in answers] == [200, 200, 400, 200, 200, 200]


async def test_trap_17_a_timeout_that_many_rows_reach_and_one_does_not_fails_nobody(unusual: Stack) -> None:
    with postgrest_with(unusual, db_pre_request="unusual.hurried") as hurried:
        naive = await ask(hurried.url, get("/num?select=stall&id=in.(1,2)"))
        assert (naive.status, json.loads(naive.body)["code"]) == (500, "57014")
        answers, _ = await compare_with_direct(hurried, reads_of_num(range(1, 7), "&select=id,stall"), rounds=1)
    assert {answer.status for answer in answers} == {200}


async def test_trap_18_the_406_of_each_release_has_all_its_headers(unusual: Stack) -> None:
    requests = reads_of_num((*range(11, 16), 5001, 5002), "", "Accept: application/vnd.pgrst.object+json")
    answers, taken = await compare_with_direct(unusual, requests)
    assert [answer.status for answer in answers] == [200] * 5 + [406] * 2
    types = 2 if answers[0].values(b"server") == [b"postgrest/12.0.2"] else 1
    assert len(answers[-1].values(b"content-type")) == types
    assert taken[-1] < len(requests)


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("title=neq.%C3%A9&id=eq.{}", b"/num?id=eq.2&title=neq.%C3%83%C2%A9"),
        ("id=eq.{}&title=neq.b&title=neq.a", b"/num?id=eq.2&title=neq.b,neq.a"),
        ("title=neq.a+b%20c%7e~&id=eq.{}", b"/num?id=eq.2&title=neq.a%20b%20c~~"),
        ("&&id=eq.{}&", b"/num?=,&id=eq.2"),
    ],
)
async def test_trap_19_content_location_is_written_as_postgrest_writes_it(
    unusual: Stack, query: str, location: bytes
) -> None:
    requests = [get(f"/num?{query.format(n)}") for n in range(2, 8)]
    answers, taken = await compare_with_direct(unusual, requests)
    assert answers[0].values(b"content-location") == [location]
    assert max(taken) < len(requests)


GROUPS = """
truncate unusual.grp;
insert into unusual.grp select n, 1 + n % 8, 'note ' || n from generate_series(1, 24) n
"""
KEPT = ("Prefer: return=representation", "Prefer: return=minimal", "Prefer: return=headers-only, count=exact")


@pytest.mark.parametrize("prefer", KEPT)
async def test_trap_20_writes_that_move_their_own_key_are_passed_one_by_one(unusual: Stack, prefer: str) -> None:
    requests = [write_request("PATCH", f"/grp?grp=eq.{n}", '{"grp":0}', prefer) for n in range(1, 8)]
    answers = await compare_writes_with_direct(unusual, requests, GROUPS, "unusual.grp")
    if "representation" in prefer:
        assert {row["grp"] for answer in answers for row in json.loads(answer.body)} == {0}, "all rows have one key now"
        assert {row_count(answer) for answer in answers} == {3}


async def test_trap_21_writes_whose_answer_misses_their_rows_are_passed_one_by_one(unusual: Stack) -> None:
    """An `or` on a column that the body changes: PostgREST filters its answer by the new value (until 14.4)."""
    pairs = [f"/grp?or=(grp.eq.{n},grp.eq.{n + 4})" for n in range(1, 5)]
    whole = [write_request("PATCH", target, '{"grp":0}', KEPT[0]) for target in pairs]
    assert {answer.body for answer in await compare_writes_with_direct(unusual, whole, GROUPS, "unusual.grp")} == {
        b"[]"
    }
    partly = [write_request("PATCH", f"{target}&select=id", '{"grp":0}', KEPT[0]) for target in pairs]
    assert {answer.status for answer in await compare_writes_with_direct(unusual, partly, GROUPS, "unusual.grp")} == {
        400
    }


async def test_trap_22_rows_that_may_be_written_but_not_read_are_written(unusual: Stack) -> None:
    bodies = [json.dumps({"id": n, "visible": n % 2 == 0}) for n in range(10, 20)]
    minimal = [write_request("POST", "/quiet", body, "Prefer: return=minimal") for body in bodies]
    answers = await compare_writes_with_direct(unusual, minimal, "truncate unusual.quiet", "unusual.quiet")
    assert {answer.status for answer in answers} == {201}
    shown = [write_request("POST", "/quiet", body, KEPT[0]) for body in bodies]
    answers = await compare_writes_with_direct(unusual, shown, "truncate unusual.quiet", "unusual.quiet")
    assert [answer.status for answer in answers] == [201, 401] * 5


async def test_trap_23_a_body_of_two_objects_writes_nothing_beside_bodies_of_one(unusual: Stack) -> None:
    bodies = ['{"id":1}', '{"id":2},{"id":3}', '{"id":4}', '{"id":5}]', '[{"id":6}', '[{"id":7}]', '{"id":8}']
    requests = [write_request("POST", "/quiet", body, "Prefer: return=minimal") for body in bodies]
    answers = await compare_writes_with_direct(unusual, requests, "truncate unusual.quiet", "unusual.quiet")
    assert [answer.status for answer in answers] == [201, 400, 201, 400, 400, 201, 201]


async def test_trap_24_a_content_location_larger_than_other_clients_take_is_read(unusual: Stack) -> None:
    requests = [get(f"/doc?select=id&id=eq.{uuid_of(f'doc:{n}')}") for n in range(1, 601)]
    together = ",".join(uuid_of(f"doc:{n}") for n in range(1, 601))
    head = (await ask(unusual.url, get(f"/doc?select=id&id=in.({together})"))).head
    assert len(head) > 16_384, "what h11 and Node take at most"
    _, taken = await compare_with_direct(unusual, requests, rounds=2, merge__max_keys=1000, merge__max_url=45_000)
    assert max(taken) <= 4


async def test_trap_25_lists_are_sent_in_a_form_that_postgrest_reads_fast(unusual: Stack) -> None:
    dsn = unusual.dsn.replace("//postgres:", "//authenticator:")
    settings = {"db-schemas": "unusual", "log-level": "info"}
    with PostgREST(dsn, secret=SECRET, settings=settings) as postgrest:
        stack = Stack(unusual.dsn, postgrest.url, unusual.token)
        await compare_with_direct(stack, reads_of_num(range(1, 101)))
        await compare_with_direct(stack, reads_of("phrase", [f"a, {n}" for n in range(50)]))
        log = (postgrest.directory / "postgrest.log").read_text(encoding="utf-8")
    sent = [line.partition(" HTTP/1.1")[0].replace("%22", '"') for line in log.splitlines() if "GET /" in line]
    assert any(line.count(",") >= 99 for line in sent)
    assert not [line for line in sent if 'in.("' in line]


SPANS = ("1 day", "24:00:00", "1 mon", "30 days", "86400 s", "1")
INSTANTS = (
    *("2025-01-01T00:00:00Z", "2025-01-01 00:00:00+00", "2025-01-01T09:00:00+09:00", "2025-01-01T00:00:00+00:00"),
    *("2025-06-01 12:30:00.5", "2025-06-01T12:30:00.500Z", "20250101", "2025-01-01"),
)


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo", "nowhere"])
async def test_trap_26_times_and_spans_are_found_in_every_spelling(unusual: Stack, zone: str | None) -> None:
    lines = () if zone is None else (f"Prefer: timezone={zone}",)
    spans, _ = await compare_with_direct(unusual, reads_of("span", SPANS, *lines, key="iv"))
    assert [row_count(answer) for answer in spans[:5]] == [2] * 5
    await compare_with_direct(unusual, reads_of("span", INSTANTS, *lines, key="tz"))


async def test_trap_27_blanks_that_pad_a_text_are_shown_and_not_compared(unusual: Stack) -> None:
    answers, _ = await compare_with_direct(
        unusual, reads_of("padded", ("ab", "ab ", "ab   ", "abc", "1", "12", "1 ", "ab c", " ab", "2"))
    )
    assert b'"k":"ab   "' in answers[0].body
    assert answers[0].body == answers[1].body == answers[2].body
    assert [row_count(answer) for answer in answers] == [1] * 8 + [0] * 2


async def test_trap_28_head_ignores_the_range_that_get_honours(unusual: Stack) -> None:
    targets = [f"/many?k=eq.{n}&limit=2&order=id" for n in (1, 2, *range(50, 58))]
    gets = [get(target, "Range: 0-0") for target in targets]
    heads = [b"HEAD" + request.removeprefix(b"GET") for request in gets]
    answers, taken = await compare_with_direct(
        unusual, [request for pair in zip(gets, heads, strict=True) for request in pair]
    )
    assert [answer.values(b"content-range") for answer in answers[:2]] == [[b"0-0/*"], [b"0-1/*"]]
    assert taken == [1 + len(heads)] * len(taken), "the GETs share one statement, and each HEAD has its own"


async def test_trap_29_a_number_and_its_opposite_may_be_equal(unusual: Stack) -> None:
    literals = ("1", "-1", "2", "-2", "3", "-3", "12", "-12", "4", "-4")
    answers, _ = await compare_with_direct(unusual, reads_of("sign", literals))
    assert [row_count(answer) for answer in answers] == [1] * 8 + [0] * 2
