"""`fanin demo` as a new user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

FANIN = str(Path(sys.executable).with_name("fanin"))
PATIENCE = 60.0  # seconds


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary directory for the demo alone, that Postgres' own user may enter."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def start(temporary: Path, *flags: str) -> subprocess.Popen[str]:
    """`fanin demo`, with its temporary files in `temporary`."""
    return subprocess.Popen(
        [FANIN, "demo", *flags],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


def test_json_is_the_table_and_nothing_else_and_the_answers_are_equal() -> None:
    told = subprocess.run([FANIN, "demo", "--json"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert told.returncode == 0, told.stderr
    (row,) = json.loads(told.stdout)
    assert set(row) == {
        "case",
        "requests",
        "statements_direct",
        "statements_fanin",
        "ms_direct",
        "ms_fanin",
        "equal",
    }
    assert row["case"] == "payment export"
    assert row["requests"] == row["statements_direct"] == 101
    assert row["statements_fanin"] <= 25
    assert row["equal"] is True


@pytest.mark.parametrize("moment", ["starting Postgres", "loading RetroMuscle", "starting PostgREST", "payment export"])
def test_ctrl_c_at_any_moment_leaves_no_process_and_no_file(moment: str, temporary: Path) -> None:
    with start(temporary) as demo:
        assert demo.stderr is not None
        assert any(moment in line for line in demo.stderr)
        os.killpg(demo.pid, signal.SIGINT)
        assert "stopped" in demo.stderr.read()
        assert demo.wait(PATIENCE) == 130
    assert not list(temporary.iterdir())


def test_keep_leaves_the_servers_up_with_a_curl_line_that_works(temporary: Path) -> None:
    with start(temporary, "--keep") as demo:
        assert demo.stderr is not None
        try:
            line = next(line for line in demo.stderr if line.strip().startswith("curl "))
            told = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=PATIENCE, check=False)
        finally:
            os.killpg(demo.pid, signal.SIGTERM)
        demo.wait(PATIENCE)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("HTTP/1.1 200 OK")
    assert "X-Fanin: passed; reason=no-key" in told.stdout
    assert not list(temporary.iterdir())
