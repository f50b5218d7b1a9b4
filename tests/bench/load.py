"""One turn of load on one side: what wrk says, CPU of every process, idle share, and upstream calls by metrics."""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import cpu

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.stack import Servers, Side

HERE = Path(__file__).parent
LATENCY = re.compile(r"^ +50% +([\d.]+)(us|ms|s)$", re.MULTILINE)
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
COUNTED = ("fanin_upstream_calls_total", "fanin_batch_size_sum", "fanin_batch_size_count")


class Spread(NamedTuple):
    """Of several rounds: the median, the lowest and the highest."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


class Work(NamedTuple):
    """What wrk sends: targets, and how."""

    targets: list[str]
    connections: int = 48
    environment: dict[str, str] = {}  # noqa: RUF012 – never changed
    """METHOD, BODY, HEADER and TRACED of keys.lua."""


class Turns(NamedTuple):
    """How often each side has its turn, and seconds of a turn."""

    rounds: int
    seconds: float


Measured = dict[str, dict[str, list[float]]]
"""Values of all rounds by side and by what was measured; values of one round have the same place."""


def measure(servers: Servers, sides: Sequence[Side], work: Work, turns: Turns) -> Measured:
    """Let the sides take turns. SystemExit where a side answers with errors."""
    measured: Measured = {side.name: {} for side in sides}
    with _environment(servers, work) as environment:
        for side in sides:  # fills caches, and earns the trust that merging needs
            _wrk(side.url, work.connections, 1, environment)
        for _ in range(turns.rounds):
            for side in sides:
                for what, value in _turn(servers, side, work, turns.seconds, environment).items():
                    measured[side.name].setdefault(what, []).append(value)
    return measured


@contextmanager
def _environment(servers: Servers, work: Work) -> Iterator[dict[str, str]]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as targets:
        targets.write("\n".join(work.targets))
        targets.flush()
        yield {**os.environ, "TARGETS": targets.name, "TOKEN": servers.token, **work.environment}


def _turn(servers: Servers, side: Side, work: Work, seconds: float, environment: dict[str, str]) -> dict[str, float]:
    before, counted = _clocks(servers), _counters(side)
    rate, latency = _wrk(side.url, work.connections, seconds, environment)
    after, requests = _clocks(servers), rate * seconds
    spent = {name: after[name] - value for name, value in before.items()}
    idle = spent.pop("idle") / spent.pop("total")
    each = {f"{name} µs": value / requests * 1e6 for name, value in spent.items() if value}
    deltas = {name: value - counted[name] for name, value in _counters(side).items()}
    calls = deltas.get(COUNTED[0], 0.0)
    if calls:
        each |= {"calls per request": calls / requests, "requests per call": requests / calls}
        each["requests per window"] = deltas[COUNTED[1]] / deltas[COUNTED[2]] if deltas[COUNTED[2]] else 0.0
    return {"requests/s": rate, "p50 ms": latency, "all µs": sum(spent.values()) / requests * 1e6, **each, "idle": idle}


def _clocks(servers: Servers) -> dict[str, float]:
    """Seconds of CPU by process, the client's too, and of the whole machine."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    idle, total = cpu.idle()
    clocks = {name: cpu.seconds(pid) for name, pid in servers.processes.items()}
    return {**clocks, "client": children.ru_utime + children.ru_stime, "idle": idle, "total": total}


def upstream_calls(side: Side) -> float:
    """Calls that a fanin has sent so far."""
    return _counters(side)[COUNTED[0]]


def _counters(side: Side) -> dict[str, float]:
    """Sums of fanin's metrics that count calls; empty for a side that is no fanin."""
    if not side.admin:
        return {}
    sums = dict.fromkeys(COUNTED, 0.0)
    with urllib.request.urlopen(side.admin + "/metrics") as answer:
        for line in answer.read().decode().splitlines():
            name, _, value = line.rpartition(" ")
            if (name := name.partition("{")[0]) in sums:
                sums[name] += float(value)
    return sums


def _wrk(url: str, connections: int, seconds: float, environment: dict[str, str]) -> tuple[float, float]:
    """Requests per second, and the median latency in milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "-s", str(HERE / "keys.lua"), url]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    latency = LATENCY.search(printed)
    if "Non-2xx" in printed or latency is None:
        raise SystemExit(f"wrk got errors from {url}:\n{printed}")
    line = next(line for line in printed.splitlines() if line.startswith("Requests/sec:"))
    return float(line.split()[1]), float(latency[1]) * MILLISECONDS[latency[2]]
