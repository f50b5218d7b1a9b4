"""Answers that are used once more while they are fetched again: within their bound, one read at a time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from proxy.settings.loading import load
from proxy.settings.sources import ConfigError
from tests.e2e.support.cached import RATES, age_of, caching
from tests.e2e.support.harness import RawClient

if TYPE_CHECKING:
    from tests.conftest import Stack
    from tests.e2e.support.loops import Watch

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
STALE: dict[str, Any] = {"cache__stale_while_revalidate": 60.0}


def later(watch: Watch, seconds: float) -> None:
    """The cache's clock goes on by so many seconds."""
    cacher = watch.sidecar.policy.default.cacher
    assert cacher is not None
    cacher._clock = lambda: time.monotonic() + seconds


async def refilled(watch: Watch) -> None:
    await asyncio.gather(*watch.sidecar.cached._refills)


async def test_a_stale_answer_is_used_and_fetched_again(stack: Stack) -> None:
    async with caching(stack, **STALE) as (app, watch):
        await app.get(RATES)
        later(watch, 61)
        answer = await app.get(RATES)
        assert answer.values(b"x-fanin")[0].endswith(b"; stale")
        assert answer.values(b"age") == [b"61"]
        await refilled(watch)
        assert (await app.get(RATES)).values(b"age") == [b"0"]
        assert watch.calls_by_kind() == {"original": 1, "refill": 1}
        counted = watch.sidecar.cached.answers
        assert (counted.requests["stale"], counted.refills, counted.removed) == (1, {"kept": 1}, {"replaced": 1})
        assert not await app.differences()


async def test_after_both_times_nobody_gets_it(stack: Stack) -> None:
    async with caching(stack, **STALE) as (app, watch):
        await app.get(RATES)
        later(watch, 121)
        assert age_of(await app.get(RATES)) is None
        assert watch.calls_by_kind() == {"original": 2}


async def test_many_readers_of_a_stale_answer_are_one_read(stack: Stack) -> None:
    async with caching(stack, **STALE) as (app, watch):
        await app.get(RATES)
        later(watch, 61)
        await asyncio.gather(*(_get(watch.sidecar.port, stack.token) for _ in range(20)))
        await refilled(watch)
        assert watch.calls_by_kind() == {"original": 1, "refill": 1}


async def _get(port: int, token: str) -> None:
    """As the application sends it."""
    async with RawClient(port) as client:
        lines = f"Host: h\r\nAuthorization: Bearer {token}\r\nX-Fanin-Trace: t1\r\n\r\n"
        await client.send(f"GET {RATES} HTTP/1.1\r\n{lines}".encode())
        assert (await client.answer(b"GET")).status == 200


async def test_a_write_drops_a_stale_answer_too(stack: Stack) -> None:
    async with caching(stack, **STALE) as (app, watch):
        await app.get(RATES)
        later(watch, 61)
        await app.send("PATCH", "/video_rates?video_type=eq.nothing", '{"is_placeholder":true}')
        assert age_of(await app.get(RATES)) is None


async def test_a_condition_of_the_client_is_not_sent_with_the_read_that_fetches_it_again(stack: Stack) -> None:
    async with caching(stack, **STALE) as (app, watch):
        await app.get(RATES)
        (tag,) = (await app.get(RATES)).values(b"etag")
        later(watch, 61)
        assert (await app.get(RATES, f"If-None-Match: {tag.decode()}")).status == 304
        await refilled(watch)
        assert watch.sidecar.cached.answers.refills == {"kept": 1}


@pytest.mark.parametrize(
    "flags",
    [
        {"cache.stale_while_revalidate": 5},
        {"override": [{"relation": "a", "cache": {"stale_while_revalidate": 5}}]},
    ],
)
def test_it_needs_a_fresh_time(flags: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"stale_while_revalidate needs a value for cache\.fresh"):
        load(flags)
    assert load(flags | {"cache.fresh": 5}).settings.cache.fresh == 5
