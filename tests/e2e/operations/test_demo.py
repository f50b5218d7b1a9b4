"""`fanin demo` as a new user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from proxy.demo.missing_indexes import IndexFigures, MigratedIndex, indexes_table

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

FANIN = str(Path(sys.executable).with_name("fanin"))
PATIENCE = 500.0  # seconds; about 30 on an idle machine


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


COLUMNS = {
    "case",
    "rule",
    "cure",
    "settings",
    "requests",
    "statements_direct",
    "statements_fanin",
    "ms_direct",
    "ms_fanin",
    "ms_far_direct",
    "ms_far_fanin",
    "equal",
    "finding",
    "expected",
}


def test_json_is_the_table_and_nothing_else_and_each_cure_saves_what_it_says_with_equal_answers() -> None:
    told = subprocess.run([FANIN, "demo", "--json"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert told.returncode == 0, told.stderr
    *rows, indexes = json.loads(told.stdout)
    assert_eight_indexes(indexes)
    assert all(set(row) == COLUMNS and row["equal"] is True for row in rows)
    assert [(row["case"], row["rule"], row["cure"], row["requests"], row["statements_direct"]) for row in rows] == [
        ("payment export", "FAN001", "default", 101, 101),
        ("payment export, a loop", "FAN002", "off", 101, 101),
        ("payment export, a loop", "FAN002", "on", 101, 101),
        ("dashboard", "FAN007", "off", 2, 2),
        ("dashboard", "FAN007", "advice", 2, 2),
        ("bulk review", "FAN004", "off", 11, 11),
        ("bulk review", "FAN004", "on", 11, 11),
        ("reference tables", "FAN006", "off", 20, 20),
        ("reference tables", "FAN006", "on", 20, 20),
    ]
    merged, loop, prefetched, _, advised, review, merged_review, read, cached = rows
    assert merged["statements_fanin"] <= 25
    assert loop["statements_fanin"] == 101
    assert prefetched["statements_fanin"] <= 10
    assert review["statements_fanin"] == 11
    assert merged_review["statements_fanin"] <= 5
    assert read["statements_fanin"] == 20
    assert cached["statements_fanin"] == 5, "each page's own read; the reference tables were read in the first round"
    assert {"rules.fan006", "cache.fresh", "db_uri"} == set(cached["settings"])
    for row in (prefetched, merged_review):
        assert {"rules.fan002", "rules.fan004", "db_uri"} == set(row["settings"])
    for row in (merged, loop, advised, review, read):
        assert set(row["settings"]) == {"db_uri"}
    assert all(row["finding"] for row in rows), "fanin reports each fault"
    assert advised["expected"].startswith("getCreatorById(…)"), "the call that the demo sends in its place"


def assert_eight_indexes(row: dict[str, Any]) -> None:
    """The audit finds them, its migration creates them, and the second audit finds none of them."""
    assert (row["case"], row["rule"], row["cure"], row["equal"]) == ("missing indexes", "FAN020", "migration", True)
    assert (row["requests"], len(row["migration"]), row["again"]) == (50, 8, 0)
    assert all(statement.startswith("CREATE INDEX CONCURRENTLY ") for statement in row["migration"])
    assert {one["keys"] for one in row["indexes"]} == {
        "videos (status) where status = 'pending_review'",
        "videos (monthly_tracking_id)",
        "monthly_tracking (month)",
        "monthly_tracking (creator_id)",
        "rushes (monthly_tracking_id)",
        "creators (user_id)",
        "creator_applications (user_id)",
        "creator_applications (status)",
    }
    plans = {one["keys"]: (one["plan_before"], one["plan_after"]) for one in row["indexes"]}
    assert plans["rushes (monthly_tracking_id)"][0] == "Seq Scan"
    assert all(after.endswith(("Index Scan", "Heap Scan")) for _, after in plans.values())
    assert all(one["ms_before"] >= 0 and one["ms_after"] >= 0 for one in row["indexes"])
    assert row["finding"] == "8 indexes are missing"


def test_the_table_of_the_indexes_has_plans_and_times_before_and_after() -> None:
    one = MigratedIndex("GET t?select=*&a=eq.?", "t (a)", "Seq Scan", "Index Scan", 12.5, 0.25)
    figures = IndexFigures(50, [one], ["CREATE INDEX CONCURRENTLY …"], 0, True, "1 index", "1 statement")
    heads, _, row, *notes = indexes_table(figures)
    assert heads.split("  ")[0] == "missing index (FAN020)"
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "t (a)",
        "t?a=eq.?",
        "Seq Scan → Index Scan",
        "12.50 → 0.25",
    ]
    assert notes[-1].endswith("rows equal before and after: yes")


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
