"""`make bench`: PostgREST alone, behind nginx, behind fanin passing, behind fanin merging; ratios to the first.

ARGS=--quick runs for seconds instead of minutes. wrk, nginx and node are those that `make bench` has unpacked, or
PATH's; what is missing is left out and said so. All sides are up at once and take turns, so that a slow moment of the
machine hits them alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import asyncpg

from proxy.demo.data import load
from proxy.demo.process import Child
from proxy.demo.server import free_port
from proxy.demo.sidecar import Fanin
from proxy.demo.stack import Postgres, PostgREST, service_token
from rules import RULES
from tests.bench import cpu
from tests.programs import search_path

SECRET = "the benchmark's own secret, of no use elsewhere"
HERE = Path(__file__).parent
NGINX = r"""
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port}; keepalive_requests 1000000;
    location = /v1/traces {{ client_max_body_size 0; return 200; }}
    location = /creator_payout_profiles {{
      if ($arg_creator_id ~ "^eq\.\d{{1,5}}$") {{
        add_header Content-Range 0-0/*;
        return 200 '[{{"creator_id":7,"method":"iban","iban":"DE00 0000 0000 0000","paypal_email":null}}]';
      }}
      default_type "application/json; charset=utf-8";
      proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
    location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


class Sides(NamedTuple):
    """Base URLs by name; the first is the one that the others are compared with."""

    urls: dict[str, str]
    token: str
    keys: list[str]
    processes: dict[str, int]
    """Pids by name, of all servers; children count with their parents."""


def main() -> None:
    """Measure and print a Markdown table."""
    os.environ["PATH"] = search_path()
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--rules", action="store_true", help="only what the rules cost")
    parser.add_argument("--against", metavar="REV", default="", help="measure this revision of fanin too, in turns")
    options = parser.parse_args()
    rounds, seconds = (3, 2) if options.quick else (5, 10)
    with ExitStack() as stack:
        if options.rules:
            rules = _throughput(_with_and_without_rules(stack), 4 * rounds, seconds, traced=20)
            _print("64 connections in mode observe, 20 requests a trace (wrk)", "requests/s", rules, higher=True)
            return
        sides = _start(stack, options.against)
        throughput = _throughput(sides, rounds, seconds)
        fan_out = _fan_out(sides, rounds=30 if options.quick else 200)
    _print("64 connections, single reads by key (wrk)", "requests/s", throughput, higher=True)
    _print("fan-out of 100 from Node (Promise.all of fetch)", "ms", fan_out, higher=False)


def _start(stack: ExitStack, revision: str) -> Sides:
    postgres = stack.enter_context(Postgres())
    asyncio.run(load(postgres.dsn, 2000))
    keys = asyncio.run(_keys(postgres.dsn))
    api = stack.enter_context(PostgREST(postgres.dsn_as("authenticator"), secret=SECRET))
    urls = {"PostgREST alone": api.url}
    processes = {"Postgres": postgres.pid, "PostgREST": api.pid}
    if shutil.which("nginx"):
        urls["nginx, passing"] = _nginx(stack, api.port)
    for name, settings in {"fanin, passing": {"mode": "pass"}, "fanin, merging": {}}.items():
        fanin = stack.enter_context(Fanin(api.url, settings=settings))
        urls[name], processes[name] = fanin.url, fanin.pid
    if revision:
        fanin = _other(stack, revision, api.url)
        urls[f"{revision}, merging"], processes[f"{revision}, merging"] = fanin.url, fanin.pid
    if "nginx, passing" in urls:  # which takes spans too
        spans = {"otlp.endpoint": urls["nginx, passing"]}
        urls["fanin, merging, spans sent"] = stack.enter_context(Fanin(api.url, settings=spans)).url
    return Sides(urls, service_token(SECRET), keys, processes)


def _other(stack: ExitStack, revision: str, upstream: str) -> Fanin:
    """The fanin of another revision, with this environment's packages."""
    tree = Path(stack.enter_context(tempfile.TemporaryDirectory()), "tree")
    subprocess.run(["git", "worktree", "add", "--detach", str(tree), revision], check=True, capture_output=True)
    stack.callback(subprocess.run, ["git", "worktree", "remove", "--force", str(tree)], check=True)
    ours = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(tree)
    try:
        asked = [sys.executable, "-c", "import proxy; print(proxy.__file__)"]
        found = subprocess.run(asked, cwd=tree.parent, capture_output=True, text=True, check=True).stdout
        if not found.startswith(str(tree)):
            raise SystemExit(f"{revision} would be measured with the code of {found.strip()}")
        return stack.enter_context(Fanin(upstream))
    finally:
        os.environ.pop("PYTHONPATH")
        if ours is not None:
            os.environ["PYTHONPATH"] = ours


def _with_and_without_rules(stack: ExitStack) -> Sides:
    """Before an nginx that answers as PostgREST does, at once: what is measured is fanin, and little else."""
    if not shutil.which("nginx"):
        raise SystemExit("nginx is not on PATH (Debian: apt-get install nginx)")
    upstream = _nginx(stack, upstream=free_port())
    keys = [f"/creator_payout_profiles?select=*&creator_id=eq.{number}" for number in range(2000)]
    observe = {"mode": "observe", "profile": "postgrest", "mount": "/"}
    off = {f"rules.{rule.code.lower()}": "off" for rule in RULES}
    urls = {"rules off": stack.enter_context(Fanin(upstream, settings=observe | off)).url}
    urls["rules on"] = stack.enter_context(Fanin(upstream, settings=observe)).url
    urls["rules on, row keys too"] = stack.enter_context(
        Fanin(upstream, settings=observe | {"detect.row_keys": "on"})
    ).url
    return Sides(urls, service_token(SECRET), keys, {})


async def _keys(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("select creator_id from creator_payout_profiles order by 1")
    finally:
        await connection.close()
    return [f"/creator_payout_profiles?select=*&creator_id=eq.{row[0]}" for row in rows]


def _nginx(stack: ExitStack, upstream: int) -> str:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    port = free_port()
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(dir=directory, upstream=upstream, port=port))
    arguments = [shutil.which("nginx") or "", "-c", str(config), "-e", str(directory / "error.log")]
    child = Child(arguments, log=directory / "out.log", env=dict(os.environ), stop=signal.SIGQUIT)
    stack.enter_context(child)
    child.wait_until((directory / "nginx.pid").exists, timeout=10)
    return f"http://127.0.0.1:{port}"


def _throughput(sides: Sides, rounds: int, seconds: int, traced: int = 0) -> dict[str, float]:
    """Requests a second by side: medians over rounds."""
    if not shutil.which("wrk"):
        print("wrk is not on PATH: throughput is left out (Debian: apt-get install wrk)")
        return {}
    figures: dict[str, list[float]] = {name: [] for name in sides.urls}
    spent: dict[str, list[str]] = {}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as targets:
        targets.write("\n".join(sides.keys))
        targets.flush()
        environment = {**os.environ, "TARGETS": targets.name, "TOKEN": sides.token, "TRACED": str(traced)}
        for _ in range(rounds):
            for name, url in sides.urls.items():
                before = _clocks(sides)
                figures[name].append(_wrk(url, seconds, environment))
                after = _clocks(sides)
                spent[name] = _spent(before, after, figures[name][-1] * seconds)
    for name, values in figures.items():
        print(f"{name}: {min(values):,.0f} to {max(values):,.0f}/s; last round: {', '.join(spent[name])}")
    return {name: statistics.median(values) for name, values in figures.items()}


def _clocks(sides: Sides) -> dict[str, float]:
    """Seconds of CPU by process, the client's too, and of the whole machine."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    idle, total = cpu.idle()
    clocks = {name: cpu.seconds(pid) for name, pid in sides.processes.items()}
    return {**clocks, "client": children.ru_utime + children.ru_stime, "idle": idle, "total": total}


def _spent(before: dict[str, float], after: dict[str, float], requests: float) -> list[str]:
    """Microseconds of CPU per request of each process that took part, and the idle share of the machine."""
    spent = {name: after[name] - before[name] for name in after}
    idle = spent.pop("idle") / spent.pop("total")
    told = [f"{name} {value / requests * 1e6:.0f} µs" for name, value in spent.items() if value]
    return [*told, f"idle {idle:.0%}"]


def _wrk(url: str, seconds: int, environment: dict[str, str]) -> float:
    command = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", str(HERE / "keys.lua"), url]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in printed:
        raise SystemExit(f"wrk got errors from {url}:\n{printed}")
    line = next(line for line in printed.splitlines() if line.startswith("Requests/sec:"))
    return float(line.split()[1])


def _fan_out(sides: Sides, rounds: int) -> dict[str, float]:
    """Milliseconds of a fan-out by side: medians over rounds."""
    if not shutil.which("node"):
        print("node is not on PATH: the fan-out is left out")
        return {}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as targets:
        json.dump(sides.keys[:100], targets)
        targets.flush()
        named = [f"{name}={url}" for name, url in sides.urls.items()]
        command = ["node", str(HERE / "fanout.cjs"), str(rounds), sides.token, targets.name, *named]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds: dict[str, list[float]] = json.loads(printed)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def _print(title: str, unit: str, figures: dict[str, float], *, higher: bool) -> None:
    if not figures:
        return
    first = next(iter(figures.values()))
    print(f"\n| {title} | {unit} | × {next(iter(figures))} |\n|---|---|---|")
    for name, value in figures.items():
        ratio = value / first if higher else first / value
        print(f"| {name} | {value:,.0f} | {ratio:.2f} |")


main()
