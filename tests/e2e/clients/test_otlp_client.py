"""An application that OpenTelemetry instruments, on a real PostgREST without fanin: its spans give findings."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.e2e.support.applications.instrumented import LOOP
from tests.e2e.support.harness import TIMEOUT
from tests.receiver.spans import client, line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack

pytestmark = pytest.mark.e2e

APPLICATION = Path(__file__).parent.parent / "support" / "applications" / "instrumented.py"
FANIN = str(Path(sys.executable).with_name("fanin"))


def fanin(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FANIN, *words], capture_output=True, text=True, timeout=TIMEOUT, check=False)


async def run_application(stack: Stack, to: str, names: str) -> None:
    environment = {**os.environ, "OTEL_SEMCONV_STABILITY_OPT_IN": names}
    application = await asyncio.create_subprocess_exec(
        sys.executable, str(APPLICATION), stack.url, stack.token, to, env=environment
    )
    assert await asyncio.wait_for(application.wait(), TIMEOUT) == 0


@asynccontextmanager
async def collecting(*flags: str) -> AsyncIterator[tuple[str, list[str]]]:
    """``fanin collect`` on a free port: its URL, and what it printed when it has ended."""
    process = await asyncio.create_subprocess_exec(
        FANIN, "collect", "--otlp", "127.0.0.1:0", *flags, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    printed: list[str] = []
    try:
        started = (await asyncio.wait_for(process.stdout.readline(), TIMEOUT)).decode()
        yield started.split("OTLP at ")[1].split(",")[0], printed
    finally:
        process.send_signal(signal.SIGTERM)
        printed.append((await asyncio.wait_for(process.stdout.read(), TIMEOUT)).decode())
        assert await asyncio.wait_for(process.wait(), TIMEOUT) == 0


def findings(*source: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    told = json.loads(fanin("audit", *source, "--format", "json").stdout)
    return told["findings"], told


@pytest.mark.stack
@pytest.mark.parametrize("names", ["", "http"])
async def test_spans_in_a_file_give_findings_under_the_traces_own_ids(stack: Stack, tmp_path: Path, names: str) -> None:
    """With the stable names of attributes, and with the ones before them."""
    file = tmp_path / "spans.jsonl"
    await run_application(stack, str(file), names)
    (found,), report = findings("--otlp", str(file))
    assert found["finding"]["code"] == "FAN002"
    assert found["finding"]["route"] == "GET /creators"
    assert found["finding"]["caller"] == "app/load.py:7"
    assert found["trace"] in file.read_text()
    assert f"{LOOP} requests" in found["finding"]["current"]
    assert "an unknown number of rows" in found["finding"]["current"]
    assert report["traffic"]["queries"] == LOOP + 2
    assert {item["check"] for item in report["not_checked"]} == {
        "FAN006",
        "FAN007",
        "FAN009",
        "FAN010",
        "FAN011",
        "FAN013",
        "FAN017",
    }
    checked = fanin("check", "--otlp", str(file))
    assert checked.returncode == 1
    assert "FAN009 was not checked: nothing shows the rows of answers" in checked.stdout
    top = fanin("top", "--otlp", str(file))
    assert "GET creators?select=id,handle&id=eq.?" in top.stdout


@pytest.mark.stack
async def test_spans_that_an_sdk_sends_become_a_recording_without_values(stack: Stack, tmp_path: Path) -> None:
    recording = tmp_path / "traces.jsonl"
    async with collecting("--out", str(recording)) as (url, printed):
        await run_application(stack, url, "http")
    assert f"2 traces with {LOOP + 2} requests recorded" in printed[0]
    text = recording.read_text()
    assert "nonsense" not in text
    assert stack.token not in text
    (found,), report = findings("--traces", str(recording))
    assert (found["finding"]["code"], found["finding"]["route"]) == ("FAN002", "GET /creators")
    assert len(report["not_checked"]) == 7, "the recording says what its traces lack"


@pytest.mark.stack
async def test_a_budget_of_rows_that_nothing_shows_is_not_met_but_unmeasured(stack: Stack, tmp_path: Path) -> None:
    file, budgets = tmp_path / "spans.jsonl", tmp_path / "fanin.toml"
    await run_application(stack, str(file), "http")
    budgets.write_text('[[budget]]\nroute = "GET /creators"\nmax_queries = 100\nmax_rows = 5\n')
    told = fanin("check", "--otlp", str(file), "--budgets", str(budgets), "--fail-on", "never", "--strict")
    assert told.returncode == 1
    assert "at most 5 rows: no trace applies to it" in told.stdout
    assert "ok       GET /creators: at most 100 queries" in told.stdout


def send(url: str, data: bytes, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urlopen(Request(url, data, named), timeout=TIMEOUT) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


async def test_json_is_received_and_other_bodies_are_refused_with_what_to_send(tmp_path: Path) -> None:
    recording = tmp_path / "traces.jsonl"
    body = line(client("http://db/t?id=eq.1"))
    async with collecting("--out", str(recording), "--upstream", "http://db") as (url, printed):
        for sent, headers, status in (
            (body, {"Content_Type": "application/json"}, 200),
            (gzip.compress(body), {"Content_Type": "application/json", "Content_Encoding": "gzip"}, 200),
            (b"secret", {"Content_Type": "application/json"}, 400),
            (b"secret", {"Content_Type": "application/json", "Content_Encoding": "gzip"}, 400),
            (gzip.compress(body)[:-9], {"Content_Type": "application/json", "Content_Encoding": "gzip"}, 400),
            (gzip.compress(b" " * 20_000_000), {"Content_Type": "application/json", "Content_Encoding": "gzip"}, 400),
            (body, {"Content_Type": "application/json", "Content_Encoding": "zstd"}, 400),
            (b"\xff\xff", {"Content_Type": "application/x-protobuf"}, 400),
            (body, {"Content_Type": "text/plain"}, 415),
        ):
            answered, told = await asyncio.to_thread(send, f"{url}/v1/traces", sent, **headers)
            assert answered == status
            assert b"secret" not in told
        for other in ("metrics", "logs"):
            assert await asyncio.to_thread(send, f"{url}/v1/{other}", b"{}", Content_Type="application/json") == (
                200,
                b"{}",
            )
    assert "2 spans received; 1 trace with 1 request recorded" in printed[0], "the same span twice is one request"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("check", "--otlp", "nothing.jsonl"), "nothing.jsonl: cannot be read"),
        (("collect", "--out", "/nonexistent/file"), "cannot be written"),
        (("collect", "--out", "file", "--otlp", "unix:/x"), "--otlp: is HOST:PORT"),
        (("collect", "--out", "file", "--upstream", "db"), "--upstream: 'db' is not a URL"),
    ],
)
def test_what_cannot_be_read_or_written_is_an_error(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    ran = subprocess.run([FANIN, *words], capture_output=True, text=True, timeout=TIMEOUT, check=False, cwd=tmp_path)
    assert ran.returncode in (2, 75)
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
