"""A test that hangs under the loop that fanin serves on ends its process, and says where its tasks wait."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HANGS = {
    "waits": "await asyncio.get_running_loop().create_future()",
    "polls": "while True: await asyncio.sleep(0.01)",
    "never lets others run": "while True: pass",
    "waits while it is cleaned up": "try: await asyncio.sleep(60)\n    finally: await asyncio.sleep(60)",
}
TEST = """
import asyncio

import pytest
from tests.e2e.support.event_loops import new_event_loop
from tests.timeouts import pytest_timeout_cancel_timer, pytest_timeout_set_timer


def pytest_asyncio_loop_factories(config, item):
    return {{"loop": new_event_loop}}


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
