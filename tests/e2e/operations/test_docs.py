"""README and docs: every command runs, every setting exists, every link leads somewhere."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.settings.declared import describe
from proxy.settings.loading import load
from tests.docs.pages import code_blocks
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.harness import fanin
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
FANIN = str(Path(sys.executable).with_name("fanin"))

ELSEWHERE = {
    "make test": "what continuous integration runs, this test among it",
    "make demo": "tests/e2e/operations/test_demo.py runs `fanin demo`, which it calls",
    "make bench": "measures, and asserts nothing",
    "make soak": "is the random bursts of tests/e2e/exactness/test_differential.py, longer",
    "make install": "tests/deploy/test_image.py runs it",
    "make docs": "tests/reference/test_pages.py makes the pages again and compares",
    "export PATH": "tests/deploy/test_image.py runs the command by the path that this shortens",
    "source .venv/bin/activate": "this test runs the command by its path in that environment",
    "fanin explain 'GET /videos?select=id,creators!inner(handle)&status=eq.uploaded&order=created_at.desc&limit=5'": (
        "tests/e2e/findings/test_explain_plan.py runs such commands, with a database"
    ),
    "fanin capture": "tests/e2e/operations/test_capture.py runs such commands",
    "fanin top": "tests/e2e/pages/test_top.py runs it, beside a fanin",
    "fanin audit --otlp": "tests/e2e/clients/test_otlp_client.py runs such commands, on spans of an application",
    "fanin check --otlp": "the same",
    "fanin check --traces traces.jsonl": "the same, on what it collected",
    "fanin collect": "the same",
    "kill %1": "the same: it ends what was started in the background",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "the same: it runs the application",
    "fanin mcp": "tests/e2e/operations/test_mcp.py runs such commands, as a client of the protocol",
    "fanin explain 3b1f0c9a7d42 --prompt": "tests/commands/explain/test_finding.py runs such commands",
    "fanin explain FAN002 --prompt": "the same: with the code of the rule in place of an identifier",
    "fanin explain 'FAN002:public.videos:GET /export:GET videos?select=*&id=eq.?' --prompt": (
        "tests/e2e/pages/test_prompt.py reads a finding of a running fanin"
    ),
    "promtool": "tests/deploy/test_prometheus.py runs it on each of these files",
    "docker": "there is no engine where the tests run; tests/deploy checks the files by their schemas",
    "kubectl": "the same",
    "helm": "the same",
}
"""Commands that this file does not run, and why."""


def commands() -> list[str]:
    """Every command line after a ``$`` in a console block."""
    lines = [line for page in PAGES for text in code_blocks(page, "console") for line in text.splitlines()]
    return sorted({line[2:] for line in lines if line.startswith("$ ")})


def is_elsewhere(command: str) -> bool:
    return any(command == known or command.startswith((known + " ", known + "=")) for known in ELSEWHERE)


@pytest.mark.parametrize("command", [command for command in commands() if not is_elsewhere(command)])
def test_a_command_of_the_docs_runs(stack: Stack, tmp_path: Path, command: str) -> None:
    """On free ports, and with the running PostgREST for every upstream."""
    words = shlex.split(command)
    assert words[0] == "fanin", f"nobody runs `{command}`"
    if words[1] in ("serve", "config"):
        words = _command_line(words, stack)
    process = subprocess.Popen([FANIN, *words[1:]], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if words[1] == "serve":
        assert process.stderr is not None
        line = next(line for line in process.stderr if re.search(r"fanin \d\S*: http", line))
        assert stack.url in line
        process.send_signal(signal.SIGTERM)
    told, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert told or words[1] == "serve"


def _command_line(words: list[str], stack: Stack) -> list[str]:
    for at, word in enumerate(words):
        if word == "--upstream":
            words[at + 1] = stack.url
    return [*words, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"] if words[1] == "serve" else words


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_setting_named_is_one(page: Path) -> None:
    known = dict(describe())
    sections = {name.partition(".")[0] for name in known if "." in name}
    for name in re.findall(r"`([a-z_]+(?:\.[a-z0-9_]+)+)(?:=[^`]*)?`", page.read_text(encoding="utf-8")):
        if name.partition(".")[0] in sections and not name.endswith((".py", ".md", ".js")):
            assert any(setting == name or setting.startswith(name + ".") for setting in known), name


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_settings_file_and_environment_is_taken(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in code_blocks(page, "toml"):
        file = tmp_path / "fanin.toml"
        file.write_text(text, encoding="utf-8")
        load({}, file)
    for name in [name for name in os.environ if name.startswith("FANIN_")]:
        monkeypatch.delenv(name)
    for text in code_blocks(page, "sh"):
        for name, value in re.findall(r"^(FANIN_\w+)=(.*)$", text, re.MULTILINE):
            monkeypatch.setenv(name, value)
        assert not load({}).warnings


async def test_the_role_of_the_supabase_guide_reads_the_catalog(unusual: Stack) -> None:
    (sql,) = code_blocks(ROOT / "docs/how-to/supabase.md", "sql")
    connection = await asyncpg.connect(unusual.dsn)
    try:
        await connection.execute(sql.replace("'…'", "'pass'"))
        uri = unusual.dsn.replace("//postgres:", "//fanin:").replace(
            unusual.dsn.split(":")[2].partition("@")[0], "pass", 1
        )
        requests = [get(f"/kinds?select=id&t=eq.{k}&order=id") for k in ("a", "b", "ab")]
        direct = await one_by_one(unusual.url, requests)
        async with fanin(unusual.url, db_uri=uri, catalog__schemas=["unusual"]) as sidecar:
            assert sidecar.upstream_state.column_types.columns.known(("unusual.kinds", ""), 0.0)[b"t"].deterministic
            assert_all_same(requests, direct, await together(sidecar.port, requests))
    finally:
        await asyncio.wait_for(connection.execute("drop role fanin"), 60)
        await connection.close()
