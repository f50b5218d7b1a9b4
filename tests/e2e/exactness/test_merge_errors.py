"""Errors of merged calls: one that is everybody's is shared, any other is its own request's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.harness import fanin
from tests.e2e.support.merged_burst import calls_of, reads_of_num, statements_of_burst

if TYPE_CHECKING:
    from tests.conftest import Stack


pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def test_a_row_that_raises_fails_only_its_own_request(unusual: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}&select=id,boom") for n in range(1, 7)]
    await statements_of_burst(unusual, requests, 7)


async def test_a_header_that_sql_sets_for_one_row_reaches_nobody_else(unusual: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}&select=id,noisy") for n in range(1, 7)]
    assert await statements_of_burst(unusual, requests, 7) == 7


async def test_errors_that_do_not_depend_on_the_key_are_shared(unusual: Stack) -> None:
    requests = reads_of_num(range(1, 21), "Authorization: Bearer not.a.token")
    direct = await one_by_one(unusual.url, requests)
    async with fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        called = calls_of(sidecar)
        through = await together(sidecar.port, requests)
    assert_all_same(requests, direct, through)
    assert {answer.status for answer in through} == {401}
    assert called == ["merged"]


async def test_errors_that_could_quote_the_call_are_asked_for_one_by_one(unusual: Stack) -> None:
    for query in ("id=eq.{}&select=nope", "id=eq.{}&title=foo.bar", "nope=eq.{}", "id=eq.{}&select=id,nope(x)"):
        await statements_of_burst(unusual, [get(f"/num?{query.format(n)}") for n in range(1, 6)], 0)
    await statements_of_burst(unusual, [get(f"/nowhere?id=eq.{n}") for n in range(1, 6)], 0)
