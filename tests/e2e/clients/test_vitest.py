"""deploy/clients/vitest in a real vitest, and in Node's own runner: suites count what PostgREST is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from proxy.demo.sidecar import Fanin
from tests.e2e.support.script_runner import MODULES, node_program
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
COPIED = ROOT / "deploy" / "clients" / "vitest"
OVER = """
import { expect, test } from 'vitest'
import { counted } from './fanin.mjs'

test('over its budget', async () => {
  const { queries, summary } = await counted('export', async (fetch) => {
    const headers = { Authorization: `Bearer ${process.env.EXAMPLE_TOKEN}` }
    for (const id of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const url = `${process.env.FANIN_URL}/creator_payout_profiles?select=*&creator_id=eq.`
      await fetch(`${url}00000000-0000-0000-0000-00000000000${id}`, { headers })
    }
  })
  expect(queries, summary).toBeLessThanOrEqual(2)
})
"""


@pytest.fixture(scope="module")
def sidecar(stack: Stack) -> Iterator[Fanin]:
    with Fanin(stack.url, settings={"mount": "/"}, flags=("--headers", "on")) as fanin:
        yield fanin


def run_node(runner: tuple[str, ...], folder: Path, fanin: Fanin, stack: Stack) -> subprocess.CompletedProcess[str]:
    """``runner`` in ``folder``, as a user runs it."""
    asked = {"FANIN_URL": fanin.url, "FANIN_ADMIN_URL": fanin.admin_url, "POSTGREST_URL": stack.url}
    env = {**os.environ, **asked, "EXAMPLE_TOKEN": stack.token, "NO_COLOR": "1"}
    return subprocess.run(
        [node_program(), *runner], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def run_vitest(folder: Path, fanin: Fanin, stack: Stack) -> subprocess.CompletedProcess[str]:
    """`npx vitest run`. What it keeps in node_modules stays in ``folder``."""
    (folder / "node_modules").mkdir()
    for package in MODULES.iterdir():
        (folder / "node_modules" / package.name).symlink_to(package)
    return run_node(("node_modules/vitest/vitest.mjs", "run"), folder, fanin, stack)


def test_the_suite_passes_in_vitest(stack: Stack, sidecar: Fanin, tmp_path: Path) -> None:
    shutil.copytree(COPIED, tmp_path, dirs_exist_ok=True)
    ran = run_vitest(tmp_path, sidecar, stack)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Tests  3 passed (3)" in ran.stdout


def test_a_suite_over_its_budget_fails_and_says_by_what(stack: Stack, sidecar: Fanin, tmp_path: Path) -> None:
    shutil.copy(COPIED / "fanin.mjs", tmp_path)
    (tmp_path / "over.test.mjs").write_text(OVER)
    ran = run_vitest(tmp_path, sidecar, stack)
    assert ran.returncode == 1
    assert "Tests  1 failed (1)" in ran.stdout
    assert "export: 9 queries, 0 saved" in ran.stderr
    assert "FAN002: 9 reads of creator_payout_profiles" in ran.stderr
    assert "expected 9 to be less than or equal to 2" in ran.stderr


def test_a_fanin_that_does_not_tell_is_an_error(stack: Stack, tmp_path: Path) -> None:
    shutil.copytree(COPIED, tmp_path, dirs_exist_ok=True)
    with Fanin(stack.url, settings={"mount": "/"}) as silent:
        ran = run_vitest(tmp_path, silent, stack)
    assert ran.returncode == 1
    assert f"no X-Fanin-Queries from {silent.url}/creators" in ran.stderr
    assert "is it fanin, with --headers on?" in ran.stderr


def test_the_suite_passes_in_nodes_own_runner(stack: Stack, sidecar: Fanin, tmp_path: Path) -> None:
    shutil.copytree(COPIED, tmp_path, dirs_exist_ok=True)
    suite = tmp_path / "export.test.mjs"
    text = suite.read_text(encoding="utf-8")
    assert text.count("from 'vitest'") == 1
    suite.write_text(text.replace("from 'vitest'", "from 'node:test'"))
    ran = run_node(("--test", str(suite)), tmp_path, sidecar, stack)
    assert ran.returncode == 0, ran.stdout
    assert "pass 3" in ran.stdout
