"""Where prefetching is off, nothing is kept and each request of a loop is sent; so are those that ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support.loops import PROFILE, TRACKINGS, VIDEOS, application

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


@pytest.mark.parametrize("changes", [{"rules__fan002": "report"}, {"rules__fan002": "off"}, {"mode": "observe"}])
async def test_no_answer_is_kept_and_every_request_is_sent(stack: Stack, changes: dict[str, Any]) -> None:
    async with application(stack.url, stack.url, stack.token, **changes) as (app, watch):
        for row in await app.rows(TRACKINGS.format(12)):
            await app.get(PROFILE.format(row["creator_id"]))
            assert (len(watch.sidecar.memories), watch.sidecar.memories.held_bytes) == (0, 0)
        assert watch.outcomes() == {"passed": 13}
        assert not await app.differences()


@pytest.mark.parametrize(
    "line", ["X-Fanin: off", "Cache-Control: no-cache", "cache-control: max-age=0, no-store", "Pragma: no-cache"]
)
async def test_a_request_that_asks_for_a_fresh_answer_is_sent_itself(stack: Stack, line: str) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for row in await app.rows(TRACKINGS.format(12)):
            await app.get(PROFILE.format(row["creator_id"]), line)
        assert watch.outcomes() == {"passed": 13}


async def test_a_loop_without_a_trace_id_is_not_prefetched(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token, trace__headers=["x-other"]) as (app, watch):
        for row in await app.rows(TRACKINGS.format(12)):
            await app.get(PROFILE.format(row["creator_id"]))
        assert watch.outcomes() == {"passed": 13}
        assert len(watch.sidecar.memories) == 0


async def test_only_the_relation_that_is_turned_on_is_prefetched(stack: Stack) -> None:
    changes = {"rules__fan002": "report", "override": [{"relation": "videos", "rules": {"fan002": "rewrite"}}]}
    async with application(stack.url, stack.url, stack.token, **changes) as (app, watch):
        for row in await app.rows(TRACKINGS.format(12)):
            await app.get(PROFILE.format(row["creator_id"]))
            await app.get(VIDEOS.format(row["id"]))
        assert watch.outcomes() == {"passed": 14, "merged": 2, "prefetched": 9}


async def test_each_row_of_a_list_is_answered_from_the_memo_once(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for row in await app.rows(TRACKINGS.format(3)):
            await app.get(PROFILE.format(row["creator_id"]))
            await app.get(PROFILE.format(row["creator_id"]))
        assert watch.outcomes() == {"passed": 5, "merged": 1, "prefetched": 1}
        assert not await app.differences()


async def test_a_reload_that_turns_it_off_forgets_everything(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        rows = await app.rows(TRACKINGS.format(12))
        for row in rows[:4]:
            await app.get(PROFILE.format(row["creator_id"]))
        sidecar = watch.sidecar
        rules = sidecar.settings.rules.model_copy(update={"fan002": "report"})
        sidecar.apply_settings(sidecar.settings.model_copy(update={"rules": rules}))
        watch.reset()
        for row in rows[4:]:
            await app.get(PROFILE.format(row["creator_id"]))
        assert watch.outcomes() == {"passed": 8}
        assert sidecar.memories.held_bytes == 0
