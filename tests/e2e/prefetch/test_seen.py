"""What operators see of reads that were fetched ahead: the header, the metrics, spans and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import SIDECAR
from proxy.observe.series import readings
from tests.e2e.support.loops import PROFILE, TRACKINGS, Application, application

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def loop(app: Application, rows: int = 20) -> None:
    for row in await app.rows(TRACKINGS.format(rows)):
        await app.get(PROFILE.format(row["creator_id"]))


def read(sidecar: Sidecar) -> dict[str, object]:
    return {reading.name: reading.value for reading in readings(SIDECAR, sidecar)}


async def test_the_header_says_that_an_answer_was_fetched_ahead_and_how_old_it_is(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token, headers="on") as (app, _):
        await loop(app, 9)
        answer = await app.get(PROFILE.format("00000000-0000-4000-8000-000000000000"))
        assert b"X-Fanin: passed" in answer.head
        dispositions = [answer.head.partition(b"X-Fanin: ")[2].partition(b"\r\n")[0] for _, answer in app._asked]
        assert dispositions[2] == b"merged; size=8; calls=1"
        assert all(text.startswith(b"prefetched; age=0.") for text in dispositions[3:-1])


async def test_the_metrics_count_what_was_fetched_and_used_and_what_was_held(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        await loop(app)
        seen = read(watch.sidecar)
        assert seen["memo_requests"] == {("served",): 17, ("fetched",): 2, ("too-old",): 0, ("dropped",): 0}
        assert isinstance(seen["memo_bytes"], int)
        assert seen["memo_bytes"] > 5000
        watch.sidecar.closer.finish()
        seen = read(watch.sidecar)
        assert seen["prefetched_keys"] == seen["prefetched_rows"] == {("used",): 17, ("unused",): 0}
        assert (seen["memo_bytes"], seen["memo_entries"], seen["flows"]) == (0, 0, 1)


async def test_an_answer_from_the_memo_counts_as_a_call_saved_by_the_rule(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        await loop(app)
        assert watch.saved() == {"FAN001": 2, "FAN002": 17}
        assert watch.calls == 4
