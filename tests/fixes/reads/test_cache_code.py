"""The generated cache reads once per period and after it is cleared, and does not cache errors."""

from __future__ import annotations

import json
import subprocess

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.cache_code import cached_js, cached_py

SHAPES = (
    "GET video_rates?select=*",
    "GET class?a=is.null&order=b.desc",
    'GET "\n',
    "GET t?or=(a.is.null,\u2028b.is.null)",
)
RATES = parse_fingerprint(SHAPES[0])


def run(script: str) -> object:
    command = ["node", "--input-type=module", "-"]
    ran = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_code_parses(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=cached_js(parsed), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(cached_py(parsed), "fix", "exec")


def test_the_javascript_calls_once_until_forget_and_does_not_cache_an_error() -> None:
    script = """
let calls = 0, error = null, time = 0;
Date.now = () => time;
const query = { select: () => query, then: (done) => done({ data: error ? null : [++calls], error }) };
const supabase = { from: () => query };
"""
    script += cached_js(RATES)
    script += """
const seen = [];
const ask = async () => seen.push(await listVideoRates().catch((e) => [e]));
await Promise.all([ask(), ask()]);
await ask();
listVideoRates.forget(); await ask();
time = 299999; await ask();
time = 300001; error = "down"; await ask();
error = null; await ask();
console.log(JSON.stringify(seen.flat()));
"""
    assert run(script) == [1, 1, 1, 2, 2, "down", 3]


class Client:
    """A stand-in for supabase-py that counts."""

    def __init__(self) -> None:
        self.data = 0

    def table(self, _: str) -> Client:
        return self

    def select(self, _: str) -> Client:
        return self

    def execute(self) -> Client:
        self.data += 1
        return self


def test_the_python_calls_once_until_the_cache_is_cleared() -> None:
    names: dict[str, object] = {"supabase": Client()}
    exec(cached_py(RATES), names)
    read, kept = names["list_video_rates"], names["_list_video_rates"]
    assert [read(), read()] == [1, 1]  # type: ignore[operator]
    kept.clear()  # type: ignore[attr-defined]
    assert read() == 2  # type: ignore[operator]
    kept["until"] = 0.0  # type: ignore[index]
    assert read() == 3  # type: ignore[operator]
