"""Answers that a real PostgREST cuts at db-max-rows are found, and answers that it does not cut are not."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from proxy.observe.events import Event, TraceClosed
from tests.e2e.support.bursts import get
from tests.e2e.support.harness import RawAnswer, ask, fanin
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proxy.findings.model import Finding
    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
TRACE = "X-Fanin-Trace: export"


@pytest.fixture(scope="module")
def postgrest_of_100_rows(unusual: Stack) -> Iterator[Stack]:
    with postgrest_with(unusual, db_max_rows="100") as made:
        yield made


class TraceFindings:
    """One trace, and what was found in it once it closed."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.findings: list[Finding] = []
        self._port = sidecar.port
        sidecar._events.subscribe(self._see)

    async def read(self, target: str, *lines: str) -> RawAnswer:
        return await ask(self._port, get(target, TRACE, *lines))

    def told(self) -> list[tuple[str, str, str]]:
        return [(finding.code, finding.relation, finding.confidence) for finding in self.findings]

    def _see(self, event: Event) -> None:
        if isinstance(event, TraceClosed):
            self.findings += [finding for finding in event.findings if finding.code == "FAN010"]


@asynccontextmanager
async def fanin_with_findings(upstream: Stack, **changes: object) -> AsyncIterator[TraceFindings]:
    """A fanin whose one trace closes when it stops."""
    async with fanin(upstream.url, trace__quiet_explicit=60.0, **changes) as sidecar:
        yield TraceFindings(sidecar)


async def test_where_max_rows_is_configured_an_answer_of_so_many_rows_is_found(postgrest_of_100_rows: Stack) -> None:
    async with fanin_with_findings(postgrest_of_100_rows, merge__max_rows=100) as seen:
        answer = await seen.read("/num?select=id&order=id")
        await seen.read("/many?select=id&k=eq.1")
    assert (answer.status, len(json.loads(answer.body))) == (200, 100)
    assert seen.told() == [("FAN010", "public.num", "high")]
    assert "rows after the first 100" in seen.findings[0].title


async def test_an_exact_count_that_lacks_rows_teaches_max_rows(postgrest_of_100_rows: Stack) -> None:
    async with fanin_with_findings(postgrest_of_100_rows) as seen:
        counted = await seen.read("/doc?select=id", "Prefer: count=exact")
        await seen.read("/num?select=id")
    assert counted.values(b"content-range") == [b"0-99/600"]
    assert seen.told() == [("FAN010", "public.doc", "high"), ("FAN010", "public.num", "high")]


async def test_else_two_answers_of_a_round_number_are_a_hint(postgrest_of_100_rows: Stack) -> None:
    async with fanin_with_findings(postgrest_of_100_rows) as seen:
        await seen.read("/num?select=id")
        await seen.read("/doc?select=id")
        await seen.read("/kid?select=id&id=lt.20")
    assert seen.told() == [("FAN010", "public.num", "medium"), ("FAN010", "public.doc", "medium")]


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("/num?select=id&order=id&offset=100", ()),
        ("/num?select=id&order=id&id=gt.100&limit=100", ()),
        ("/num?select=id&order=id", ("Range: 100-199",)),
    ],
)
async def test_who_goes_on_reading_knows(postgrest_of_100_rows: Stack, target: str, lines: tuple[str, ...]) -> None:
    async with fanin_with_findings(postgrest_of_100_rows, merge__max_rows=100) as seen:
        await seen.read("/num?select=id&order=id")
        await seen.read(target, *lines)
    assert not seen.told()


async def test_who_asks_for_so_many_rows_gets_them(postgrest_of_100_rows: Stack) -> None:
    async with fanin_with_findings(postgrest_of_100_rows, merge__max_rows=100) as seen:
        await seen.read("/num?select=id&limit=100")
        await seen.read("/num?select=id", "Range: 0-99")
        await seen.read("/many?select=id&offset=0")
    assert not seen.told()


async def test_a_limit_above_max_rows_is_lowered_to_it_and_found(postgrest_of_100_rows: Stack) -> None:
    async with fanin_with_findings(postgrest_of_100_rows, merge__max_rows=100) as seen:
        answer = await seen.read("/num?select=id&order=id&limit=500")
        await seen.read("/many?select=id&k=eq.1&limit=500")
    assert (answer.status, len(json.loads(answer.body))) == (200, 100)
    assert seen.told() == [("FAN010", "public.num", "high")]
    assert seen.findings[0].current.startswith("1 request with a limit of 500, 100 rows each")


@pytest.mark.parametrize("by_header", [False, True])
async def test_pages_longer_than_max_rows_leave_rows_out(postgrest_of_100_rows: Stack, by_header: bool) -> None:
    async with fanin_with_findings(postgrest_of_100_rows, merge__max_rows=100) as seen:
        rows: list[dict[str, int]] = []
        for first in (0, 400, 800):
            bounds = "" if by_header else f"&offset={first}&limit=400"
            lines = (f"Range: {first}-{first + 399}",) if by_header else ()
            rows += json.loads((await seen.read(f"/num?select=id&order=id{bounds}", *lines)).body)
    assert len(rows) == 300  # of 1,000
    assert seen.told() == [("FAN010", "public.num", "high")]
    assert seen.findings[0].current.startswith("3 requests with a limit of 400, 100 rows each")


@pytest.mark.parametrize("by_header", [False, True])
async def test_pages_that_go_on_after_the_rows_that_came_leave_none_out(
    postgrest_of_100_rows: Stack, by_header: bool
) -> None:
    async with fanin_with_findings(postgrest_of_100_rows, merge__max_rows=100) as seen:
        rows: list[dict[str, int]] = []
        page: list[dict[str, int]] = [{}]
        while page:
            first = len(rows)
            bounds = "" if by_header else f"&offset={first}&limit=400"
            lines = (f"Range: {first}-{first + 399}",) if by_header else ()
            page = json.loads((await seen.read(f"/num?select=id&order=id{bounds}", *lines)).body)
            rows += page
    assert len(rows) == 1000
    assert not seen.told()


async def test_without_max_rows_nothing_is_cut_and_a_longer_answer_shows_it(unusual: Stack) -> None:
    async with fanin_with_findings(unusual) as seen:
        await seen.read("/num?select=id&id=lte.200")
        await seen.read("/kid?select=id")
        await seen.read("/num?select=id&id=gt.1")
    assert not seen.told()


async def test_what_the_finding_says_to_do_reads_all_rows(postgrest_of_100_rows: Stack) -> None:
    """The pages of its fix, asked for one after another, are the table; and they are no finding."""
    async with fanin_with_findings(postgrest_of_100_rows, merge__max_rows=100) as seen:
        rows: list[dict[str, int]] = []
        past = ""
        while True:
            page = json.loads((await seen.read(f"/num?select=*{past}&order=id&limit=100")).body)
            rows += page
            if len(page) < 100:
                break
            past = f"&id=gt.{page[-1]['id']}"
    assert [row["id"] for row in rows] == list(range(1, 1001))
    assert not seen.told()
