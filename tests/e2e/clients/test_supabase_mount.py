"""In front of a Supabase-like gateway: the mount is found by asking, PostgREST's calls merge, the rest passes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from yarl import URL

from tests.e2e.support.harness import fanin
from tests.e2e.support.supabase_gateway import Gateway, creator_ids

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack]


async def test_the_mount_is_found_by_asking_and_calls_under_it_merge(stack: Stack) -> None:
    wanted = await creator_ids(stack, 20)
    headers = {"Authorization": f"Bearer {stack.token}"}
    async with Gateway(stack.url).running() as gateway, fanin(gateway.url, mount="auto", profile="auto") as sidecar:
        url = f"http://127.0.0.1:{sidecar.port}"
        asked = gateway.calls
        async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

            async def one(key: str) -> None:
                async with session.get(f"{url}/rest/v1/creators?select=id&id=eq.{key}") as answer:
                    assert await answer.json() == [{"id": key}]
                    assert answer.headers["Content-Location"] == f"/rest/v1/creators?id=eq.{key}&select=id"

            await asyncio.gather(*map(one, wanted))
            assert gateway.calls - asked < len(wanted)
            async with session.get(URL(f"{url}/auth/v1/user?x=%2F", encoded=True)) as answer:
                assert await answer.json() == {"path": "/auth/v1/user?x=%2F"}


async def test_a_plain_postgrest_is_found_at_the_root(stack: Stack) -> None:
    async with (
        fanin(stack.url, mount="auto", profile="auto") as sidecar,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{sidecar.port}/rest/v1/creators") as answer,
    ):
        assert answer.status == 404


async def test_a_plain_postgrest_can_be_served_under_the_mount_that_supabase_js_wants(stack: Stack) -> None:
    (key,) = await creator_ids(stack, 1)
    headers = {"Authorization": f"Bearer {stack.token}"}
    async with (
        fanin(stack.url, mount="/rest/v1") as sidecar,
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{sidecar.port}/rest/v1/creators?select=id&id=eq.{key}") as answer,
    ):
        assert await answer.json() == [{"id": key}]
