"""What becomes of a merged answer that cannot be used: fallback one by one, or shared, or paused.

Source: docs/explanation/architecture.md#law-4-one-answer-per-request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from proxy.postgrest.response.problem import CALLER_INDEPENDENT_CODES
from tests.e2e.support.bursts import get, together
from tests.e2e.support.faulty_upstream import (
    REQUESTS,
    assert_originals_are_sent,
    correct_answer,
    faulty_upstream,
    is_merged,
)
from tests.e2e.support.harness import ScriptedConnection, ScriptedUpstream, fanin
from tests.e2e.support.sidecar_events import SidecarEvents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.e2e

NEVER_SHARED = {
    "PGRST100": (400, '"failed to parse filter (in.(1,2,3))"'),
    "PGRST103": (416, '"Requested range not satisfiable"'),
    "PGRST106": (406, '"The schema must be one of the following: public"'),
    "PGRST108": (400, "\"'t' is not an embedded resource in this request\""),
    "PGRST116": (406, '"JSON object requested, multiple (or no) rows returned"'),
    "PGRST200": (400, '"Could not find a relationship"'),
    "PGRST204": (400, "\"Could not find the 'nope' column\""),
    "42703": (400, '"column t.nope does not exist"'),
    "42P01": (404, '"relation \\"public.t\\" does not exist"'),
    "42501": (401, '"permission denied for table t"'),
    "42883": (404, '"operator does not exist: int2vector = unknown"'),
    "57014": (500, '"canceling statement due to statement timeout"'),
    "53300": (503, '"sorry, too many clients already"'),
    "P0001": (400, '"boom on 3"'),
    "22P02": (400, '"invalid input syntax for type integer: \\"nobody asked for this\\""'),
    "XX000": (500, '"internal error"'),
}
"""Codes whose answer may depend on the key, or quote the call."""


def error_answer(code: str, status: int, message: str = '"away"', more: str = "") -> bytes:
    body = f'{{"code":"{code}","details":null,"hint":null,"message":{message}}}'
    head = f"HTTP/1.1 {status} Told\r\n{more}Content-Type: application/json; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def answer_with(data: bytes) -> Callable[[ScriptedConnection, bytes], Awaitable[None]]:
    async def say(connection: ScriptedConnection, _: bytes) -> None:
        await connection.send(data)

    return say


def answer_changed_by(*changes: tuple[bytes, bytes]) -> Callable[[ScriptedConnection, bytes], Awaitable[None]]:
    """Merged answers in which something is not as it should be; the alias is written ``ALIAS``."""

    async def change(connection: ScriptedConnection, request: bytes) -> None:
        alias = request.partition(b"select=")[2].partition(b":")[0]
        data = correct_answer(request).replace(alias, b"ALIAS")
        for before, after in changes:
            assert before in data
            data = data.replace(before, after)
        head, _, body = data.replace(b"ALIAS", alias).partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        await connection.send(b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body]))

    return change


# Shared: errors that say the same to everybody.


@pytest.mark.parametrize("code", sorted(CALLER_INDEPENDENT_CODES))
async def test_an_error_that_depends_on_no_key_is_shared_and_not_asked_for_again(code: str) -> None:
    away = error_answer(code, 401 if code >= "PGRST3" else 503, more="Retry-After: 4\r\n")
    async with faulty_upstream(answer_with(away)) as (upstream, sidecar):
        watch = SidecarEvents(sidecar)
        answers = await together(sidecar.port, REQUESTS)
        assert len(upstream.requests) == 1
        assert not watch.pause_reasons()
        assert watch.calls_saved() == len(REQUESTS) - 1
    assert len({one.head for one in answers}) == 1
    assert {one.body for one in answers} == {away.partition(b"\r\n\r\n")[2]}
    assert all(one.values(b"retry-after") == [b"4"] for one in answers)


# Replayed: whatever else is wrong.


@pytest.mark.parametrize("code", NEVER_SHARED)
async def test_an_error_that_may_depend_on_the_key_or_quote_the_call_is_never_shared(code: str) -> None:
    assert code not in CALLER_INDEPENDENT_CODES
    await assert_originals_are_sent(answer_with(error_answer(code, *NEVER_SHARED[code])))


ODD = {
    "a row without the hidden key": ((b'"id":7}', b'"id":7}, \n {"id":8}'), (b"0-39/40", b"0-40/41")),
    "a key that nobody asked for": ((b':"7",', b':"77",'),),
    "another alias": ((b'{"ALIAS":"7"', b'{"ALIBI":"7"'),),
    "a blank at the end": ((b"}]", b"}] "),),
    "a blank at the start": ((b"[{", b" [{"),),
    "no array": ((b"[{", b"{"),),
    "another separator": ((b", \n {", b",\n{"),),
    "another Content-Type": ((b"Content-Type: application/json;", b"Content-Type: text/csv;"),),
    "no Content-Range": ((b"Content-Range: 0-39/40\r\n", b""),),
    "fewer rows by its Content-Range": ((b"0-39/40", b"0-38/39"),),
    "more rows by its Content-Range": ((b"0-39/40", b"0-40/41"),),
    "no Content-Location": ((b"Content-Location: ", b"Content-Elsewhere: "),),
    "several rows of a key": ((b'"id":7}', b'"id":7}, \n {"ALIAS":"7","id":7}'), (b"0-39/40", b"0-40/41")),
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
async def test_an_answer_that_is_not_exactly_as_expected_is_not_used(changes: tuple[tuple[bytes, bytes], ...]) -> None:
    await assert_originals_are_sent(answer_changed_by(*changes), merge__ties="none")


async def test_more_rows_than_the_limits_of_all_keys_allow_are_not_used() -> None:
    one_more = answer_changed_by((b'"id":7}', b'"id":7}, \n {"ALIAS":"7","id":7}'), (b"0-7/8", b"0-8/9"))
    async with faulty_upstream(one_more, merge__ties="any") as (upstream, sidecar):
        answers = await together(sidecar.port, [get(f"/t?id=eq.{n}&limit=1") for n in range(1, 9)])
        assert [json.loads(one.body) for one in answers] == [[{"id": n}] for n in range(1, 9)]
        assert len(upstream.requests) == 1 + 8


async def test_an_original_that_fails_after_a_merged_call_fails_for_its_own_caller_only() -> None:
    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            if is_merged(request) or b"id=eq.7 " in request:
                await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[")
                connection.abort()
                return
            await connection.send(correct_answer(request))

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, merge__deadline_floor=10.0) as sidecar:
        answers = await together(sidecar.port, REQUESTS)
        others = [n for n in range(1, 41) if n != 7]
        assert [n for n, one in enumerate(answers, 1) if one.complete] == others
        assert [json.loads(answers[n - 1].body) for n in others] == [[{"id": n}] for n in others]
        assert sum(b"id=eq.7 " in request for request in upstream.requests) == 1, "it is not sent again"


# Paused: what failed is left alone for a while, and that shows.


async def test_a_pause_shows_in_the_gauge_and_is_counted_by_its_doubt() -> None:
    async def die(connection: ScriptedConnection, _: bytes) -> None:
        connection.abort()

    async with faulty_upstream(die, merge__pause_first=100.0) as (_, sidecar):
        watch = SidecarEvents(sidecar)
        assert gauges(sidecar)["paused"] == 0
        for target, lines in (("t", ()), ("t", ("Cookie: a=b",)), ("u", ())):
            await together(sidecar.port, [get(f"/{target}?id=eq.{n}", *lines) for n in range(40)])
        assert watch.pause_reasons() == ["connection"] * 3
        assert gauges(sidecar)["paused"] == 3
        assert gauges(sidecar)["paused_queries"] == 0
