"""Conditional reads of kept answers: a 304 for who has the answer already, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.cached import PACKAGES, RATES, age_of, caching

if TYPE_CHECKING:
    from tests.conftest import Stack
    from tests.e2e.support.loops import Application

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def tag_of(app: Application, target: str, *lines: str) -> str:
    await app.get(target, *lines)
    (tag,) = (await app.get(target, *lines)).values(b"etag")
    return tag.decode()


async def test_who_has_the_answer_gets_a_304_without_a_body_and_with_its_age(stack: Stack) -> None:
    async with caching(stack) as (app, watch):
        tag = await tag_of(app, RATES)
        assert tag.startswith('W/"')
        assert not await app.differences()
        before = watch.calls
        for condition in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            answer = await app.get(RATES, f"If-None-Match: {condition}")
            assert (answer.status, answer.body, answer.complete) == (304, b"", True)
            assert (age_of(answer) is not None, len(answer.values(b"age"))) == (True, 1)
            assert answer.values(b"etag") == [tag.encode()]
            assert len(answer.values(b"content-location")) == len(answer.values(b"date")) == 1
            assert answer.values(b"content-type") == answer.values(b"content-range") == []
        assert watch.calls == before
        assert watch.sidecar.cached.answers.requests["not-modified"] == 4


async def test_the_connection_goes_on_after_a_304(stack: Stack) -> None:
    async with caching(stack) as (app, _):
        tag = await tag_of(app, RATES)
        assert (await app.get(RATES, f"If-None-Match: {tag}")).status == 304
        assert (await app.get(RATES)).status == 200


async def test_who_has_another_answer_gets_the_whole_one(stack: Stack) -> None:
    async with caching(stack) as (app, _):
        await tag_of(app, RATES)
        answer = await app.get(RATES, 'If-None-Match: W/"other"')
        assert (answer.status, age_of(answer) is not None) == (200, True)
        assert not await app.differences()


async def test_a_tag_is_of_one_identity_and_one_target_also_where_the_bodies_are_equal(stack: Stack) -> None:
    async with caching(stack) as (app, _):
        tags = {
            await tag_of(app, RATES),
            await tag_of(app, RATES, "X-Own: 1"),
            await tag_of(app, RATES + "&limit=1000"),
            await tag_of(app, PACKAGES),
        }
        assert len(tags) == 4
        for tag in tags - {await tag_of(app, RATES)}:
            assert (await app.get(RATES, f"If-None-Match: {tag}")).status == 200


async def test_a_conditional_read_that_finds_no_answer_is_sent_and_its_answer_is_kept(stack: Stack) -> None:
    async with caching(stack) as (app, watch):
        assert (await app.get(RATES, 'If-None-Match: W/"other"')).status == 200
        assert age_of(await app.get(RATES)) is not None
        assert watch.calls == 1
        assert not await app.differences()


async def test_after_a_write_a_tag_is_checked_against_a_new_answer(stack: Stack) -> None:
    async with caching(stack) as (app, _):
        tag = await tag_of(app, RATES)
        await app.send("PATCH", "/video_rates?video_type=eq.nothing", '{"is_placeholder":true}')
        assert (await app.get(RATES, f"If-None-Match: {tag}")).status == 200
        assert (await app.get(RATES, f"If-None-Match: {tag}")).status == 304
