"""Operators let fanin forget the answers of a relation: over the admin port, and on the command line."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.cached import PACKAGES, RATES
from tests.e2e.support.harness import TIMEOUT, ask, fanin_program

if TYPE_CHECKING:
    from tests.conftest import Stack
    from tests.e2e.support.harness import Program

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
FANIN = str(Path(sys.executable).with_name("fanin"))
FLAGS = ("--set", "rules.fan006=rewrite", "--set", "cache.fresh=60", "--set", "headers=on")
PURGE = b"POST /api/cache/video_rates/purge HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"


async def is_cached(running: Program, stack: Stack, target: str) -> bool:
    head = f"GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {stack.token}\r\n\r\n"
    return b"X-Fanin: cached" in (await ask(running.port, head.encode())).head


async def purge(running: Program, relation: str) -> tuple[int | None, bytes]:
    """The exit code of the command, and what it prints."""
    command = await asyncio.create_subprocess_exec(
        *(FANIN, "cache", "purge", relation, "--admin", f"http://127.0.0.1:{running.admin}"),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await asyncio.wait_for(command.communicate(), TIMEOUT)
    return command.returncode, printed


@pytest.mark.parametrize("relation", ["video_rates", "public.video_rates"])
async def test_the_command_forgets_the_answers_of_one_relation(stack: Stack, relation: str) -> None:
    async with fanin_program(stack.url, *FLAGS, "--set", f"db_uri={stack.dsn}") as running:
        for target in (RATES, PACKAGES):
            await is_cached(running, stack, target)
            assert await is_cached(running, stack, target)
        assert await purge(running, relation) == (0, b"1 answers forgotten\n")
        assert [await is_cached(running, stack, target) for target in (RATES, PACKAGES)] == [False, True]
        assert await purge(running, "nothing") == (0, b"0 answers forgotten\n")


async def test_without_the_catalog_every_answer_may_depend_on_the_relation(stack: Stack) -> None:
    async with fanin_program(stack.url, *FLAGS) as running:
        for target in (RATES, PACKAGES):
            await is_cached(running, stack, target)
        assert await purge(running, "video_rates") == (0, b"2 answers forgotten\n")


async def test_only_a_post_of_json_with_the_token_purges(stack: Stack) -> None:
    async with fanin_program(stack.url, *FLAGS, "--set", "admin_token=0123456789abcdef") as running:
        await is_cached(running, stack, RATES)
        json = b"Content-Type: application/json\r\nContent-Length: 2\r\n"
        elsewhere = b"X-Forwarded-For: 192.0.2.1\r\n"
        token = b"Authorization: Bearer 0123456789abcdef\r\n"
        get = PURGE.replace(b"POST", b"GET")
        for request, status in (
            (get + b"\r\n", 405),
            (PURGE + b"Content-Length: 2\r\n\r\n{}", 415),
            (PURGE + json + elsewhere + b"\r\n{}", 401),
        ):
            assert (await ask(running.admin, request)).status == status
        assert await is_cached(running, stack, RATES)
        answer = await ask(running.admin, PURGE + json + elsewhere + token + b"\r\n{}")
        assert (answer.status, answer.body) == (200, b'{"purged":1}')
        assert not await is_cached(running, stack, RATES)
