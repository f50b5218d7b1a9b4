"""A test that hangs under the loop that fanin serves on ends its process, and says where its tasks wait."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.event_loops import new_event_loop

if TYPE_CHECKING:
    from pathlib import Path

HANGS = {
    "waits": "await asyncio.get_running_loop().create_future()",
    "polls": "while True: await asyncio.sleep(0.01)",
    "never lets others run": "while True: pass",
    "waits while it is cleaned up": "try: await asyncio.sleep(60)\n    finally: await asyncio.sleep(60)",
    "fails, and leaves a task that does not end": "left.append(asyncio.create_task(goes_on()))\n    "
    "await asyncio.sleep(0)\n    raise ValueError",
}
TEST = """
import asyncio

import pytest

from tests.e2e.support.event_loops import new_event_loop
from tests.e2e.support.event_loops import new_event_loop
from tests.timeouts import (
    pytest_enter_pdb, pytest_runtest_protocol, pytest_timeout_cancel_timer, pytest_timeout_set_timer
)

left = []


def pytest_asyncio_loop_factories(config, item):
    return {{"loop": new_event_loop}}


async def goes_on():
    while True:
        try:
            await waits_long_elsewhere()
        except asyncio.CancelledError:
            pass


async def waits_long_elsewhere():
    await asyncio.sleep(60)


async def waits_long():
    {hang}
"""
CASE = """
from conftest import waits_long


async def test_that_hangs():
    await waits_long()
"""


@pytest.mark.parametrize("hang", HANGS)
def test_a_test_that_hangs_ends_its_process_and_says_where_it_stands(hang: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(TEST.format(hang=HANGS[hang]))
    (tmp_path / "test_hanging.py").write_text(CASE)
    options = ("-o", "timeout=1", "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    ended = subprocess.run(
        (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, "--rootdir", tmp_path, tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "test_hanging.py::test_that_hangs is not over after 1 s" in ended.stderr
    assert "waits_long" in ended.stderr


def test_a_connection_left_open_is_reported_when_its_loop_is_closed() -> None:
    """And the loop is closed: it does not wait for the connection."""
    loop = new_event_loop()

    async def leave_open() -> None:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        server.close()

    loop.run_until_complete(leave_open())
    with pytest.warns(ResourceWarning, match="unclosed"):
        loop.close()
    assert loop.is_closed()
