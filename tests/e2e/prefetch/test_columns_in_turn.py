"""A loop that asks for several columns of each row in turn is served as FAN002 says at level report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import until
from tests.e2e.support.loops import Application, Watch, application

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

DISTINCT = "/kid?select=creator_id:id,approver_id:num_id&id=gt.100&order=id&limit={}"
"""A list with two columns of keys that have no value in common."""
SHARED = "/kid?select=creator_id:id,approver_id:num_id&order=note&limit={}"
"""The same with values that stand in both, some of them several times."""
UNHASHED = "/kid?select=from:id,to:num_id&id=gt.100&order=id&limit={}"
"""The same with names that the row keys of traces do not include."""
SETTINGS = {"catalog__schemas": ["unusual"], "detect__row_keys": "on", "rules": {"n_plus_one": {"max_pause": 600.0}}}


async def loop(app: Application, target: str, limit: int = 60, most: int = 1000) -> int:
    """The reads of the loop, which breaks off after ``most``."""
    reads = 0
    for row in await app.rows(target.format(limit)):
        for value in row.values():
            if reads == most:
                return reads
            reads += 1
            await app.get(f"/kid?select=note&id=eq.{value}")
    return reads


async def expected_by_report(unusual: Stack, target: str) -> tuple[int, int]:
    """How many reads FAN002 says that level rewrite would have answered, and of how many."""
    async with application(unusual.url, unusual.url, unusual.token, rules__fan002="report", **SETTINGS) as (app, watch):
        await loop(app, target)
        served = re.search(r"would have answered (\d+) of (\d+)", await evidence(watch))
        assert served is not None
        return int(served[1]), int(served[2])


async def evidence(watch: Watch) -> str:
    """What the finding says, once the trace has closed."""
    known = watch.sidecar.rule_runner.findings
    watch.sidecar.closer.finish()
    await until(lambda: any(one.finding.code == "FAN002" for one in known))
    return "\n".join(line for one in known for line in one.finding.evidence if one.finding.code == "FAN002")


@pytest.mark.parametrize(
    ("target", "differing"), [(DISTINCT, 0), (SHARED, 2), (UNHASHED, 1)], ids=["distinct", "shared", "unhashed"]
)
async def test_level_rewrite_serves_what_level_report_says(unusual: Stack, target: str, differing: int) -> None:
    """Values that stand in both columns may make the first fetch one from another column. Where the list's columns are
    not in the trace, it is supposed that the second read has shown the loop, and it takes three.
    """
    expected, of = await expected_by_report(unusual, target)
    async with application(unusual.url, unusual.url, unusual.token, **SETTINGS) as (app, watch):
        assert await loop(app, target) == of == 120
        served = watch.outcomes()["prefetched"]
        assert served >= 110
        assert abs(served - expected) <= differing
        assert watch.keys()["unused"] == 0
        assert not await app.differences()


async def test_three_columns_in_turn_are_followed(unusual: Stack) -> None:
    target = "/kid?select=a:id,...num(b:id),c:num_id&id=gt.100&order=id&limit={}"
    async with application(unusual.url, unusual.url, unusual.token, **SETTINGS) as (app, watch):
        reads = await loop(app, target, 40)
        assert watch.outcomes()["prefetched"] >= reads - 12
        assert not await app.differences()


@pytest.mark.parametrize("most", [3, 6])
async def test_a_loop_over_two_columns_that_breaks_off_has_fetched_eight_ahead(unusual: Stack, most: int) -> None:
    async with application(unusual.url, unusual.url, unusual.token, **SETTINGS) as (app, watch):
        await loop(app, DISTINCT, 1000, most)
        assert watch.calls == 4
        assert watch.keys().total() == 8
        assert watch.keys()["used"] == most - 3
        assert not await app.differences()


async def test_rows_without_one_of_the_values_are_gone_past(unusual: Stack) -> None:
    """The client asks for no null; of the rows some have none of the second column."""
    target = "/kid?select=creator_id:id,...num(approver_id:id)&num.id=gt.10&id=gt.100&order=id&limit=60"
    async with application(unusual.url, unusual.url, unusual.token, **SETTINGS) as (app, watch):
        rows = await app.rows(target)
        assert {row["approver_id"] is None for row in rows} == {True, False}
        values = [value for row in rows for value in row.values() if value is not None]
        for value in values:
            await app.get(f"/kid?select=note&id=eq.{value}")
        assert watch.outcomes()["prefetched"] >= len(values) - 12, watch.outcomes()
        assert not await app.differences()


async def test_once_the_flow_is_known_both_columns_are_fetched_by_the_first_read(unusual: Stack) -> None:
    async with application(unusual.url, unusual.url, unusual.token, **SETTINGS) as (app, watch):
        for number in range(5):
            app.trace = f"trace {number}"
            await loop(app, DISTINCT, 40)
            assert watch.calls == (6 if number < 3 else 2), watch.calls_by_kind()
            watch.reset()
            watch.sidecar.closer.finish()
        assert not await app.differences()
