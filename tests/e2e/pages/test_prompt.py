"""`fanin explain KEY --prompt --admin URL` reads a finding of a running fanin."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK, TIMEOUT, ScriptedUpstream, answers
from tests.e2e.support.page_helpers import FAN_OUT, ask_until_kept

pytestmark = [pytest.mark.e2e]
FANIN = str(Path(sys.executable).with_name("fanin"))


async def test_a_finding_of_a_running_fanin_is_printed_as_a_prompt_by_its_key() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        await ask_until_kept(seen, FAN_OUT, "t1", "X-Fanin-Route: GET /export")
        (stored,) = (await seen.api("/api/findings"))["findings"]
        words = (FANIN, "explain", stored["key"], "--prompt", "--admin", seen.url)
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(TIMEOUT):
            told, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert told.startswith(b"# Fix the finding FAN001")
    assert b"eq.3" not in told
