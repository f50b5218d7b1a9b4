"""Loops over keys that are not a plain ``eq``, counts by HEAD, and moving bounds, against a real PostgREST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.observe.events import Event, TraceClosed
from tests.e2e.support.bursts import get, one_by_one, together
from tests.e2e.support.harness import fanin, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.findings.model import Finding
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SUCCESS = frozenset({200, 206})
UUID = "00000000-0000-4000-8000-0000000000{0:02}"
PATIENT = {
    "trace__quiet_explicit": 0.5,
    "rules": {"n_plus_one": {"max_pause": 60.0}, "duplicate_read": {"max_pause": 60.0}},
}


async def found(
    stack: Stack, requests: Sequence[bytes], parallel: bool = True, *, statuses: frozenset[int] = SUCCESS
) -> list[Finding]:
    """What is found in one trace of these requests."""
    closed: list[TraceClosed] = []

    def observe(event: Event) -> None:
        if isinstance(event, TraceClosed):
            closed.append(event)

    async with fanin(stack.url, **PATIENT) as sidecar:
        sidecar._events.subscribe(observe)
        await (
            together(sidecar.port, requests) if parallel else one_by_one(f"http://127.0.0.1:{sidecar.port}", requests)
        )
        await until(lambda: bool(closed))
    assert {span.status for span in closed[0].trace.spans} <= statuses
    return list(closed[0].findings)


def reads(stack: Stack, query: str, count: int, *headers: str) -> list[bytes]:
    named = ("X-Fanin-Trace: t1", f"Authorization: Bearer {stack.token}", *headers)
    return [get(query.format(n), *named) for n in range(1, count + 1)]


@pytest.mark.parametrize("parallel", [True, False])
async def test_counts_by_head_are_an_n_plus_one(stack: Stack, parallel: bool) -> None:
    requests = reads(
        stack, "/videos?select=*&creator_id=eq.00000000-0000-4000-8000-0000000000{:02}", 15, "Prefer: count=exact"
    )
    heads = [request.replace(b"GET ", b"HEAD ", 1) for request in requests]
    (finding,) = await found(stack, heads, parallel)
    assert (finding.code, finding.impact) == ("FAN001" if parallel else "FAN002", "MEDIUM")
    assert finding.fix.supabase_js
    assert "count(*)" in finding.fix.sql


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize(
    "query",
    [
        f"/videos?or=(and(creator_id.eq.{UUID},status.eq.uploaded),and(creator_id.eq.{UUID},status.eq.approved))",
        "/creators?handle=ilike.creator{}",
        f"/videos?select=id,creators!inner(id)&creators.id=eq.{UUID}",
    ],
)
async def test_keys_that_are_no_plain_eq_are_an_n_plus_one_with_a_batch_read(
    stack: Stack, query: str, parallel: bool
) -> None:
    (finding,) = await found(stack, reads(stack, query, 15), parallel)
    assert (finding.code, finding.impact) == ("FAN001" if parallel else "FAN002", "MEDIUM")
    assert finding.fix.supabase_js
    assert finding.fix.supabase_py


async def test_reads_up_to_a_new_moment_each_are_a_duplicate_read(stack: Stack) -> None:
    query = "/videos?select=id&status=eq.uploaded&created_at=lte.2099-01-01T00:00:{:02}Z"
    (finding,) = await found(stack, reads(stack, query, 40))
    assert finding.code == "FAN003"
    assert "but for the moving bound created_at=lte" in finding.title


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize(
    "query",
    ["/videos?select=no_such_column&title=eq.{}", "/no_such_table?id=eq.{}", "/videos?id=eq.x{}"],
)
async def test_a_loop_of_refused_reads_is_no_n_plus_one(stack: Stack, query: str, parallel: bool) -> None:
    assert not await found(stack, reads(stack, query, 12), parallel, statuses=frozenset({400, 404}))
