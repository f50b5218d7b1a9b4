"""What RetroMuscle does wrong is found, as bad as it is, and the printed cure does the same with the promised calls."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest

from proxy.observe.events import Event, TraceClosed
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.new_creators import CREATORS, new_creators, tracking
from tests.e2e.support.script_runner import output_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from proxy.findings.model import Finding
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

CREATOR = CREATORS[0]
OF_TRACKING = uuid_of("old:" + CREATOR)
VIDEOS = [uuid_of(f"{CREATOR}{n}") for n in range(1, 11)]
WRITTEN = {"videos": "status", "monthly_tracking": "delivered"}
"""What stands for ``changed_column``, which fanin cannot know."""
MORE = 410
GROW = (
    "insert into creators (id, user_id, handle, email, package_tier, default_mix, notes, address) "
    "select md5('more:' || n)::uuid, md5('more user:' || n)::uuid, 'more', 'more@example.com', 10, 'VOLUME', 'n', 'a' "
    "from generate_series(1, $1) n"
)


PATIENT: dict[str, Any] = {
    "trace__quiet_explicit": 60.0,
    "rules": {
        name: {"max_pause": 60.0} for name in ("n_plus_one", "n_plus_one_write", "duplicate_read", "patch_and_recount")
    },
}
"""However busy the machine is, what a case asks is one trace, and a loop is one loop."""


class PlayedCase(NamedTuple):
    """What the application got, and what was found in it."""

    result: Any
    findings: list[Finding]

    def of(self, code: str, relation: str) -> Finding:
        (finding,) = [one for one in self.findings if (one.code, one.relation) == (code, f"public.{relation}")]
        return finding

    def told(self, *codes: str) -> set[tuple[str, str, str]]:
        return {
            (one.code, one.relation.removeprefix("public."), one.impact) for one in self.findings if one.code in codes
        }


async def play(stack: Stack, case: str, **options: Any) -> PlayedCase:
    """The case, through a fanin that remembers which keys answers showed."""
    found: list[Finding] = []

    def watch(event: Event) -> None:
        if isinstance(event, TraceClosed):
            found.extend(event.findings)

    async with fanin(stack.url, mount="/rest/v1", detect__row_keys="on", **PATIENT) as sidecar:
        sidecar._events.subscribe(watch)
        url = f"http://127.0.0.1:{sidecar.port}"
        result = await output_of("retromuscle_mistakes.cjs", url, stack.token, case, json.dumps(options))
    await assert_fixes_are_code(stack, found)
    return PlayedCase(result, found)


async def assert_fixes_are_code(stack: Stack, findings: Iterable[Finding]) -> None:
    """The SQL is what this Postgres takes, and the Python is Python."""
    connection = await asyncpg.connect(stack.dsn)
    try:
        for finding in findings:
            compile(finding.fix.supabase_py, finding.key, "exec")
            sql = finding.fix.sql
            for statement in filter(str.strip, re.split(r";$", sql, flags=re.MULTILINE)):
                written = re.search(r"^(?:update|insert into) (\w+)", statement, re.MULTILINE)
                column = WRITTEN[written[1]] if written else ""
                await connection.prepare(statement.replace("changed_column", column))
    finally:
        await connection.close()


async def run_fix(stack: Stack, finding: Finding, *steps: Sequence[Any]) -> tuple[int, list[Any]]:
    """How many calls the printed supabase-js takes for ``steps``, and what it gives back."""
    printed = await output_of("run_fix.cjs", stack.url, stack.token, finding.fix.supabase_js, json.dumps(steps))
    return printed["calls"], printed["results"]


async def table_rows(stack: Stack, query: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(stack.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()


async def test_the_payment_export_is_critical_and_its_batch_method_takes_one_call(stack: Stack) -> None:
    played = await play(stack, "paymentExport")
    assert played.told("FAN001", "FAN002") == {("FAN001", "creator_payout_profiles", "CRITICAL")}
    finding = played.of("FAN001", "creator_payout_profiles")
    ids = [id_ for id_, _ in played.result]
    assert len(ids) == 100
    calls, (found,) = await run_fix(stack, finding, ["listPayoutProfilesByCreatorIds", ids])
    assert calls == 1
    assert "100 requests become 1" in finding.expected
    assert [[id_, found.get(id_)] for id_ in ids] == played.result


async def test_the_same_in_a_loop_is_critical_and_known_to_come_out_of_the_trackings(stack: Stack) -> None:
    played = await play(stack, "exportInALoop")
    assert played.told("FAN001", "FAN002") == {("FAN002", "creator_payout_profiles", "CRITICAL")}
    finding = played.of("FAN002", "creator_payout_profiles")
    assert finding.confidence == "high"
    assert finding.evidence[2].endswith("came from an earlier answer: creator_id of monthly_tracking")
    ids = [id_ for id_, _ in played.result]
    calls, (found,) = await run_fix(stack, finding, ["listPayoutProfilesByCreatorIds", ids])
    assert calls == 1
    assert [[id_, found.get(id_)] for id_ in ids] == played.result


async def test_footage_in_a_loop_is_two_critical_findings_and_takes_two_calls(stack: Stack) -> None:
    played = await play(stack, "footageInALoop")
    assert played.told("FAN001", "FAN002") == {("FAN002", name, "CRITICAL") for name in ("videos", "rushes")}
    ids = [id_ for id_, _, _ in played.result]
    found = {}
    for name in ("videos", "rushes"):
        finding = played.of("FAN002", name)
        assert finding.confidence == "high"
        calls, (found[name],) = await run_fix(stack, finding, [f"list{name.title()}ByMonthlyTrackingIds", ids])
        assert calls == 1
    assert [[id_, found["videos"].get(id_, []), found["rushes"].get(id_, [])] for id_ in ids] == played.result


@asynccontextmanager
async def more_creators(stack: Stack) -> AsyncIterator[None]:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(GROW, MORE)
        yield
    finally:
        await connection.execute("delete from creators where handle = 'more'")
        await connection.close()


@pytest.mark.parametrize("applied", [True, False])
async def test_listing_all_creators_to_find_one_is_critical_and_the_filtered_call_finds_the_same(
    stack: Stack, applied: bool
) -> None:
    user = uuid_of("user:7")
    async with more_creators(stack):
        played = await play(stack, "creatorDashboard", user=user, applied=applied)
        finding = played.of("FAN007", "creators")
        column, value = ("user_id", user) if applied else ("id", played.result["id"])
        name = "getCreatorByUserId" if applied else "getCreatorById"
        calls, (found,) = await run_fix(stack, finding, [name, value])
    assert played.told("FAN007") == {("FAN007", "creators", "CRITICAL")}
    assert f"where {column} = $1" in finding.fix.sql
    assert finding.evidence[0].startswith(f"{100 + MORE - 1} rows and ")
    assert (calls, found) == (1, played.result)


REVIEWED = "select id, status, reviewed_by from videos where monthly_tracking_id = $1 order by id"
DELIVERED = "select id, delivered from monthly_tracking where id = $1"


async def written_state(stack: Stack) -> list[Any]:
    return await table_rows(stack, REVIEWED, OF_TRACKING) + await table_rows(stack, DELIVERED, OF_TRACKING)


async def test_the_bulk_review_is_critical_and_three_calls_leave_the_same_rows(stack: Stack) -> None:
    async with new_creators(stack):
        played = await play(stack, "bulkReview", tracking=OF_TRACKING, videos=VIDEOS)
        after = await written_state(stack)
    assert played.told("FAN004", "FAN008") == {("FAN004", "videos", "MEDIUM"), ("FAN008", "videos", "CRITICAL")}
    finding = played.of("FAN008", "videos")
    assert finding.expected.endswith("30 requests become 3.")
    changes = {"status": "approved", "reviewed_by": "admin@example.com"}
    async with new_creators(stack):
        calls, (_, listed, _) = await run_fix(
            stack,
            finding,
            ["updateVideosByIds", VIDEOS, changes],
            ["readVideos", OF_TRACKING],
            ["updateMonthlyTracking", OF_TRACKING, {"delivered": {"OOTD": 10}}],
        )
        assert await written_state(stack) == after
    assert calls == 3
    assert [video["status"] for video in listed] == ["approved"] * 10


async def test_the_cure_of_its_updates_takes_one_call_and_leaves_the_same_rows(stack: Stack) -> None:
    changes = {"status": "approved", "reviewed_by": "admin@example.com"}
    async with new_creators(stack):
        played = await play(stack, "bulkReview", tracking=OF_TRACKING, videos=VIDEOS)
        after = await table_rows(stack, REVIEWED, OF_TRACKING)
    finding = played.of("FAN004", "videos")
    async with new_creators(stack):
        calls, (written,) = await run_fix(stack, finding, ["updateVideosByIds", VIDEOS, changes])
        assert (calls, len(written)) == (1, 10)
        assert await table_rows(stack, REVIEWED, OF_TRACKING) == after


async def test_upserts_and_updates_in_loops_are_found_and_take_one_call_each(stack: Stack) -> None:
    trackings = [tracking(CREATOR, f"2031-{month:02}") for month in range(1, 11)]
    stored = "select id, month, quotas, delivered from monthly_tracking where creator_id = $1 order by id"
    async with new_creators(stack):
        played = await play(stack, "upsertsInALoop", trackings=trackings)
        after = await table_rows(stack, stored, CREATOR)
    upserts, updates = sorted((one for one in played.findings if one.code == "FAN004"), key=lambda one: one.title)[::-1]
    assert upserts.title == "10 upserts into monthly_tracking, one row each"
    assert updates.title == "10 updates of monthly_tracking, one for each id"
    assert {upserts.impact, updates.impact} == {"MEDIUM"}
    assert {upserts.confidence, updates.confidence} == {"high"}
    async with new_creators(stack):
        calls, _ = await run_fix(stack, upserts, ["upsertMonthlyTracking", trackings])
        assert calls == 1
        ids, given = [one["id"] for one in trackings], {"delivered": {"OOTD": 1}}
        calls, _ = await run_fix(stack, updates, ["updateMonthlyTrackingByIds", ids, given])
        assert calls == 1
        assert await table_rows(stack, stored, CREATOR) == after


async def test_reference_tables_read_by_every_dashboard_are_found_and_the_copy_is_read_once(stack: Stack) -> None:
    tables = {"video_rates", "package_definitions", "mix_definitions"}
    users = [uuid_of(f"user:{n}") for n in range(1, 21)]
    changes = {"trace__quiet_explicit": 0.05, "detect__interval": 0.05}
    async with fanin(stack.url, mount="/rest/v1", **changes) as sidecar:
        known = sidecar.rule_runner.findings
        url = f"http://127.0.0.1:{sidecar.port}"
        played = await output_of(
            "retromuscle_mistakes.cjs", url, stack.token, "dashboards", json.dumps({"users": users})
        )
        await until(lambda: len([one for one in known if one.finding.code == "FAN006"]) == len(tables))
        findings = {one.finding.relation[7:]: one.finding for one in known if one.finding.code == "FAN006"}
    await assert_fixes_are_code(stack, findings.values())
    assert {name: finding.impact for name, finding in findings.items()} == dict.fromkeys(tables, "MEDIUM")
    calls, found = await run_fix(stack, findings["video_rates"], ["listVideoRates"], ["listVideoRates"])
    assert calls == 1
    assert found == [played["rates"], played["rates"]]
