"""Kept answers: byte-equal, of one identity, at most cache.fresh seconds old, and never older than a write."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from proxy.admin.gauges import SIDECAR
from proxy.observe.series import readings
from proxy.settings.loading import load
from proxy.settings.sources import ConfigError
from tests.e2e.support.cached import CACHE, NOTHING, PACKAGES, PAGE, RATES, age_of, caching
from tests.e2e.support.harness import RawClient
from tests.e2e.support.loops import TRACKINGS, VIDEOS, application

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


def requests(sidecar: Sidecar) -> dict[str, int]:
    return {name: count for name, count in sidecar.cached.answers.requests.items() if count}


async def test_equal_reads_are_one_call_and_each_gets_the_bytes_of_postgrest(stack: Stack) -> None:
    async with caching(stack) as (app, watch):
        for _ in range(5):
            for target in (RATES, PACKAGES, NOTHING, PAGE.format(1)):
                await app.get(target)
        assert watch.calls == 4
        assert watch.outcomes() == {"passed": 4, "cached": 16}
        assert watch.saved() == {"FAN006": 16}
        assert requests(watch.sidecar) == {"filled": 4, "served": 16}
        assert not await app.differences()


async def test_a_kept_answer_has_its_age_and_the_first_one_has_not(stack: Stack) -> None:
    async with caching(stack) as (app, _):
        first, second = await app.get(RATES), await app.get(RATES)
        assert (age_of(first), first.values(b"age")) == (None, [])
        assert (age_of(second) is not None, second.values(b"age")) == (True, [b"0"])
        assert second.values(b"date") == first.values(b"date")


@pytest.mark.parametrize(
    "line",
    [
        "Prefer: count=exact",
        "Accept: text/csv",
        "Accept-Profile: public",
        "Range: 0-0",
        "Accept-Encoding: gzip",
        "X-Own: 1",
    ],
)
async def test_what_may_vary_the_answer_has_an_answer_of_its_own(stack: Stack, line: str) -> None:
    async with caching(stack) as (app, watch):
        await app.get(RATES)
        await app.get(RATES, line)
        assert watch.outcomes() == {"passed": 2}
        assert not await app.differences()


@pytest.mark.parametrize(
    "line",
    [
        "X-Fanin: off",
        "Cache-Control: no-cache",
        "Cache-Control: no-store",
        "Cache-Control: max-age=0",
        "Pragma: no-cache",
        "X-Retry-Count: 1",
        'If-Match: "x"',
        "If-Unmodified-Since: Mon, 30 Nov 2026 12:00:00 GMT",
        "If-Modified-Since: Mon, 30 Nov 2026 12:00:00 GMT",
        'If-None-Match: "x"\r\nIf-Range: "x"',
    ],
)
async def test_a_request_that_asks_for_a_fresh_answer_is_sent(stack: Stack, line: str) -> None:
    async with caching(stack) as (app, watch):
        for _ in range(3):
            await app.get(RATES, line)
        assert watch.outcomes() == {"passed": 3}
        assert len(watch.sidecar.cached.answers) == 0


@pytest.mark.parametrize(
    ("target", "lines", "method"),
    [
        ("/nothing_here", (), "GET"),
        (RATES, (), "HEAD"),
        (RATES, ("Accept: application/vnd.pgrst.object+json",), "GET"),
        ("/rpc/nothing", (), "GET"),
        ("/", (), "GET"),
        (RATES, ("Range: 5-", "Prefer: count=exact"), "GET"),
    ],
)
async def test_only_whole_reads_of_relations_are_kept(
    stack: Stack, target: str, lines: tuple[str, ...], method: str
) -> None:
    async with caching(stack) as (app, watch):
        answers = [await app.get(target, *lines, method=method) for _ in range(3)]
        assert len(watch.sidecar.cached.answers) == (
            1 if answers[0].status == 200 and b"Content-Range: 5" in answers[0].head else 0
        )
        assert not await app.differences()


async def test_equal_reads_in_flight_wait_for_one_answer_however_late_they_come(stack: Stack) -> None:
    async with caching(stack) as (_, watch):
        await asyncio.gather(*(_get(watch.sidecar.port, stack.token, RATES) for _ in range(20)))
        assert watch.calls == 1
        counted = requests(watch.sidecar)
        assert counted.pop("filled") == 1
        assert sum(counted.values()) == 19
        assert set(counted) <= {"served", "shared"}


async def _get(port: int, token: str, target: str) -> None:
    async with RawClient(port) as client:
        await client.send(f"GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        assert (await client.answer(b"GET")).status == 200


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PATCH", "/video_rates?video_type=eq.nothing", '{"is_placeholder":true}'),
        ("POST", "/rpc/nothing", "{}"),
        ("DELETE", "/videos?id=eq.0", ""),
    ],
)
async def test_a_write_by_anybody_drops(stack: Stack, method: str, target: str, body: str) -> None:
    async with caching(stack) as (app, watch):
        await app.get(RATES)
        await app.send(method, target, body, "X-Own: other identity")
        answer = await app.get(RATES)
        assert age_of(answer) is None
        assert watch.sidecar.cached.answers.removed == {"dropped": 1}


async def test_with_the_catalog_only_what_depends_on_the_write_is_dropped(stack: Stack) -> None:
    async with caching(stack, db_uri=stack.dsn) as (app, _):
        await app.get(RATES)
        await app.send("DELETE", "/mix_definitions?name=eq.nothing", "")
        assert age_of(await app.get(RATES)) is not None
        await app.send("PATCH", "/video_rates?video_type=eq.nothing", '{"is_placeholder":true}')
        assert age_of(await app.get(RATES)) is None


async def test_an_answer_is_not_used_after_its_fresh_time(stack: Stack) -> None:
    async with caching(stack) as (app, watch):
        await app.get(RATES)
        cacher = watch.sidecar.policy.default.cacher
        assert cacher is not None
        cacher._clock = lambda: time.monotonic() + 59
        assert (age_of(await app.get(RATES)) or 0) >= 59
        cacher._clock = lambda: time.monotonic() + 61
        assert age_of(await app.get(RATES)) is None
        assert watch.sidecar.cached.answers.removed == {"too-old": 1}


async def test_the_one_used_longest_ago_is_evicted_and_no_answer_above_the_bound_is_kept(stack: Stack) -> None:
    async with caching(stack, cache__max_bytes=4000) as (app, watch):
        for number in range(1, 9):
            await app.get(PAGE.format(number))
            assert 0 < watch.sidecar.cached.answers.held_bytes <= 4000
        assert watch.sidecar.cached.answers.removed["evicted"] == 8 - len(watch.sidecar.cached.answers) > 0
        assert age_of(await app.get(PAGE.format(8))) is not None
        assert age_of(await app.get(PAGE.format(1))) is None
        await app.get("/videos?select=*")
        before = watch.calls
        await app.get("/videos?select=*")
        assert watch.calls == before + 1
        assert not await app.differences()


async def test_an_answer_is_not_used_after_the_token_has_expired(stack: Stack) -> None:
    async with caching(stack) as (app, watch):
        await app.get(RATES)
        assert [entry.until for entry in watch.sidecar.cached.answers._entries.values()] != []
        payload = base64.urlsafe_b64decode(stack.token.split(".")[1] + "==")
        for entry in watch.sidecar.cached.answers._entries.values():
            expires = json.loads(payload).get("exp")
            left = entry.until - time.monotonic()
            assert expires is None or abs(left - (expires - time.time())) < 5


@pytest.mark.parametrize("changes", [{"rules__fan006": "report"}, {"mode": "observe"}, {"rules__fan006": "off"}])
async def test_off_means_that_nothing_is_kept(stack: Stack, changes: dict[str, Any]) -> None:
    async with caching(stack, **changes) as (app, watch):
        for _ in range(3):
            await app.get(RATES)
        assert watch.outcomes() == {"passed": 3}
        assert (len(watch.sidecar.cached.answers), requests(watch.sidecar)) == (0, {})


async def test_only_the_relation_or_route_that_is_turned_on_is_kept(stack: Stack) -> None:
    override = [{"relation": "video_rates", "rules": {"fan006": "rewrite"}, "cache": {"fresh": 60}}]
    changes = {"rules__fan006": "report", "rules__fan002": "report", "override": override}
    async with application(stack.url, stack.url, stack.token, **changes) as (app, watch):
        for _ in range(3):
            await app.get(RATES)
            await app.get(PACKAGES)
        assert watch.outcomes() == {"passed": 4, "cached": 2}


async def test_a_reload_forgets_everything(stack: Stack) -> None:
    async with caching(stack) as (app, watch):
        await app.get(RATES)
        watch.sidecar.apply_settings(watch.sidecar.settings)
        assert (len(watch.sidecar.cached.answers), watch.sidecar.cached.answers.held_bytes) == (0, 0)
        assert age_of(await app.get(RATES)) is None


async def test_a_list_that_was_kept_feeds_a_loop_that_is_fetched_ahead(stack: Stack) -> None:
    async with caching(stack, rules__fan002="rewrite", prefetch__max_age=30.0) as (app, watch):
        for number in range(2):
            app.trace = f"trace {number}"
            for row in await app.rows(TRACKINGS.format(12)):
                await app.get(VIDEOS.format(row["id"]))
        assert watch.outcomes()["cached"] >= 1
        assert watch.outcomes()["prefetched"] >= 1
        assert not await app.differences()


async def test_the_metrics_show_requests_bytes_and_removals(stack: Stack) -> None:
    async with caching(stack) as (app, watch):
        for _ in range(3):
            await app.get(RATES)
        seen = {reading.name: reading.value for reading in readings(SIDECAR, watch.sidecar)}
        assert seen["cache_entries"] == 1
        assert isinstance(seen["cache_bytes"], int)
        assert seen["cache_bytes"] > 700


@pytest.mark.parametrize(
    "flags", [{"rules.fan006": "rewrite"}, {"override": [{"relation": "a", "rules": {"fan006": "rewrite"}}]}]
)
def test_rewrite_without_a_fresh_time_is_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"needs a value for cache\.fresh"):
        load(flags)
    assert load(flags | {"cache.fresh": 5}).settings.cache.fresh == 5


def test_these_settings_are_what_the_tests_mean() -> None:
    assert CACHE["cache__fresh"] == 60.0
