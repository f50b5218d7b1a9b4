"""The rows of the table of docs/explanation/speed.md: what is loaded, and which figure is held against which target."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bench.load import HERE, Measured, Spread, Turns, Work, measure, spread, upstream_calls
from tests.bench.stack import OBSERVE, RULES_OFF, Servers
from tests.e2e.support.script_runner import MODULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.stack import Side

WIDTHS = (1, 5, 10, 20, 50, 100, 200)
FLOOR = {10: 1.25, 100: 1.15, 200: 1.05}
"""The most that a fan-out of a width may take, compared with the floor."""
LONE_CPU = 175.0
"""Microseconds: 0.45 of the 388 that a lone request took when the target was set."""
FLAT = {"width": ("10", "500"), "fingerprints": ("10", "10000"), "traces": ("1", "5000")}
IDLE = 1000
"""Connections per step of the row idle."""
OVERLOAD_SECONDS = 60
"""Of each side of the row overload; a sixth with ``--quick``. See ``overload_seconds``."""
PAGE = 4096
CONSTANT_KEYS = [f"/creator_payout_profiles?select=*&creator_id=eq.{number}" for number in range(2000)]


class Check(NamedTuple):
    """A figure and its target; ``at_most`` says on which side of the target it has to be."""

    work: str
    measured: Spread
    target: float
    at_most: bool
    unit: str


class Result(NamedTuple):
    """What a row found: figures by side and by what was measured, and its checks."""

    figures: dict[str, dict[str, Spread]]
    checks: list[Check]


class Run(NamedTuple):
    """The servers and the time that a row has."""

    servers: Servers
    turns: Turns
    minutes: float

    @property
    def by_id(self) -> list[str]:
        """Targets of single reads by key."""
        return [f"/creator_payout_profiles?select=*&creator_id=eq.{key}" for key in self.servers.ids]


def _figures(measured: Measured, prefix: str = "") -> dict[str, dict[str, Spread]]:
    return {prefix + side: {what: spread(each) for what, each in by.items()} for side, by in measured.items()}


def _ratio(above: list[float], below: list[float]) -> Spread:
    """Of the values of each round."""
    return spread([one / other for one, other in zip(above, below, strict=True)])


def lone(run: Run) -> Result:
    """A lone request: one connection, one request at a time."""
    servers = run.servers
    sides = [servers.direct, servers.nginx, servers.fanin, *servers.against]
    measured = measure(servers, sides, Work(run.by_id, 1), run.turns)
    fanin, nginx = measured["fanin"], measured["nginx"]
    added = spread([one - other for one, other in zip(fanin["p50 ms"], nginx["p50 ms"], strict=True)])
    checks = [
        Check("lone request: p50 above nginx's", added, 0.20, True, "ms"),
        Check("lone request: fanin's CPU", spread(fanin["fanin µs"]), LONE_CPU, True, "µs"),
    ]
    return Result(_figures(measured), checks)


def passed(run: Run) -> Result:
    """What is not merged, over 48 connections: `X-Fanin: off`, writes, refused reads; compared with nginx."""
    servers, result = run.servers, Result({}, [])
    works = {
        "X-Fanin: off": Work(run.by_id, environment={"HEADER": "X-Fanin: off"}),
        "writes": Work(
            [f"/creator_payout_profiles?creator_id=eq.{key}" for key in servers.ids],
            environment={"METHOD": "PATCH", "BODY": '{"paypal_email":null}'},
        ),
        "refused reads": Work([target + "&offset=0&limit=1&limit=1" for target in run.by_id]),
    }
    for name, work in works.items():
        measured = measure(servers, [servers.nginx, servers.fanin, *servers.against], work, run.turns)
        result.figures.update(_figures(measured, f"{name}, "))
        fanin, nginx = measured["fanin"], measured["nginx"]
        rate = _ratio(fanin["requests/s"], nginx["requests/s"])
        result.checks.append(Check(f"{name}: throughput ÷ nginx's", rate, 0.9, False, "×"))
        spent = _ratio(fanin["fanin µs"], nginx["nginx µs"])
        result.checks.append(Check(f"{name}: fanin's CPU ÷ nginx's", spent, 2.5, True, "×"))
    return result


def merged(run: Run) -> Result:
    """Single reads by key over 48 connections, with the default settings; compared with direct."""
    servers = run.servers
    measured = measure(servers, [servers.direct, servers.fanin, *servers.against], Work(run.by_id), run.turns)
    fanin, direct = measured["fanin"], measured["direct"]
    upstream = [sum(pair) for pair in zip(fanin["PostgREST µs"], fanin["Postgres µs"], strict=True)]
    checks = [
        Check("merged reads, condition: direct's own requests/s", spread(direct["requests/s"]), 3500, False, "/s"),
        Check("merged reads: throughput ÷ direct's", _ratio(fanin["requests/s"], direct["requests/s"]), 4, False, "×"),
        Check(
            "merged reads: CPU of all processes ÷ direct's", _ratio(fanin["all µs"], direct["all µs"]), 0.2, True, "×"
        ),
        Check("merged reads: fanin's CPU", spread(fanin["fanin µs"]), 60, True, "µs"),
        Check("merged reads: upstream's CPU", spread(upstream), 45, True, "µs"),
    ]
    return Result(_figures(measured), checks)


def fan_out(run: Run) -> Result:
    """Fan-outs of Node's fetch by width. The floor: one `in.(…)` written by hand, then as many constant answers."""
    servers, result = run.servers, Result({}, [])
    rounds = str(max(20, 4 * round(run.turns.rounds * run.turns.seconds)))
    for width in WIDTHS:
        targets = run.by_id[:width]
        listed = f"/creator_payout_profiles?select=*&creator_id=in.({','.join(servers.ids[:width])})"
        sides = [side._asdict() | {"targets": targets} for side in (servers.direct, servers.fanin, *servers.against)]
        floor = {"name": "floor", "url": servers.constant.url, "first": servers.direct.url + listed}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump([*sides, floor | {"targets": targets}], file)
            file.flush()
            command = ["node", str(HERE / "fanout.cjs"), rounds, servers.token, file.name]
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        seconds: dict[str, list[float]] = json.loads(printed)
        for name, values in seconds.items():
            result.figures.setdefault(name, {})[f"{width} ms"] = _quartiles([1000 * value for value in values])
        if width in FLOOR:
            ratio = _quartiles([a / b for a, b in zip(seconds["fanin"], seconds["floor"], strict=True)])
            result.checks.append(Check(f"fan-out of {width}: time ÷ the floor's", ratio, FLOOR[width], True, "×"))
    return result


def _quartiles(values: list[float]) -> Spread:
    ordered = sorted(values)
    return Spread(spread(values).median, ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4])


def flat(run: Run) -> Result:
    """CPU per request in one process with faked transports, as the width, the fingerprints or the traces grow."""
    result = Result({}, [])
    requests = str(max(10_000, round(2000 * run.turns.seconds)))
    for name, ends in FLAT.items():
        spent: dict[str, list[float]] = {end: [] for end in ends}
        for _ in range(run.turns.rounds):
            for end in ends:
                command = [sys.executable, "-m", "tests.bench.in_process", f"{name}-{end}", requests]
                printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                spent[end].append(1e6 * float(printed.split()[0]))
        result.figures[name] = {f"{end} µs": spread(values) for end, values in spent.items()}
        ratio = _ratio(spent[ends[1]], spent[ends[0]])
        result.checks.append(Check(f"{name}, {ends[0]} → {ends[1]}: CPU of a request", ratio, 1.15, True, "×"))
    return result


def observers(run: Run) -> Result:
    """Rules on and off in mode observe, 20 requests a trace, before an nginx that answers at once."""
    servers = run.servers
    off = servers.before_constant("rules off", OBSERVE | RULES_OFF)
    on = servers.before_constant("rules on", OBSERVE)
    without = servers.before_constant("mode pass", OBSERVE | {"mode": "pass"})
    work = Work(CONSTANT_KEYS, environment={"TRACED": "20"})
    measured = measure(servers, [without, off, on], work, run.turns)
    rates = {name: by["requests/s"] for name, by in measured.items()}
    checks = [
        Check("rules on ÷ off: throughput", _ratio(rates["rules on"], rates["rules off"]), 0.95, False, "×"),
        Check("traces and rules on ÷ mode pass", _ratio(rates["rules on"], rates["mode pass"]), 0.95, False, "×"),
    ]
    return Result(_figures(measured), checks)


def idle(run: Run) -> Result:
    """Resident bytes of fanin for a connection that has had an answer and waits."""
    servers = run.servers
    side = servers.before_constant("fanin, idle", {"profile": "postgrest", "mount": "/"})
    pid, host = servers.processes[side.name], side.url.removeprefix("http://")
    kept: list[http.client.HTTPConnection] = []
    bytes_each = []
    for step in range(4):
        before = _resident(pid)
        for _ in range(IDLE // 2 if step == 0 else IDLE):  # the first step fills the caches
            kept.append(http.client.HTTPConnection(host, timeout=10))
            kept[-1].request("GET", CONSTANT_KEYS[len(kept) % 2000], headers={"X-Fanin": "off"})
            kept[-1].getresponse().read()
        time.sleep(1.5)  # past the ticks that keep the books
        if step:
            bytes_each.append((_resident(pid) - before) / IDLE / 1000)
    for connection in kept:
        connection.close()
    each = spread(bytes_each)
    return Result({"fanin": {"kB": each}}, [Check("idle keep-alive connection", each, 12, True, "kB")])


def memory(run: Run) -> Result:
    """Resident memory of fanin under full load for ``--minutes``, read each second."""
    servers, samples = run.servers, list[float]()
    pid, stop = (servers.fanin, servers.processes["fanin"])[1], threading.Event()

    def sample() -> None:
        while not stop.wait(1):
            samples.append(_resident(pid) / 1e6)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    measured = measure(servers, [servers.fanin], Work(run.by_id), Turns(1, 60 * run.minutes))
    stop.set()
    thread.join()
    late = samples[120:] if len(samples) > 240 else samples[len(samples) // 2 :]
    tenth = max(1, len(late) // 10)
    growth = spread([spread(late[-tenth:]).median / spread(late[:tenth]).median])
    figures = _figures(measured)
    figures["fanin"] |= {"MB": spread(samples), "minutes": spread([run.minutes])}
    checks = [
        Check(
            f"memory, {run.minutes:g} minutes of full load",
            Spread(max(samples), min(samples), max(samples)),
            150,
            True,
            "MB",
        ),
        Check("memory at the end ÷ after 2 minutes", growth, 1.03, True, "×"),
    ]
    return Result(figures, checks)


def overload(run: Run) -> Result:
    """supabase-js with its retries at twice the capacity of PostgREST, with and without overload control. A call takes
    0.4 s in the database: what decides is not the CPU that all processes of this machine share.
    """
    servers, seconds = run.servers, overload_seconds(run.turns)
    control = {"overload.control": "on", "overload.min_calls": "10"}
    on = servers.before_slow("control on", control)
    off = servers.before_slow("control off", {})
    quiet, capacity = _calls(servers, on, -1, seconds / 4), _calls(servers, on, 0, seconds / 4)
    most = capacity["ok"] / capacity["seconds"]
    unloaded = statistics.median(quiet["served"])
    figures = {"capacity": {"/s": _one(most), "p50 ms unloaded": _one(unloaded)}}
    for side in (off, on):
        sent = upstream_calls(side)
        told = _calls(servers, side, 2 * most, seconds)
        sent = upstream_calls(side) - sent
        served = statistics.median(told["served"] or [float("inf")])
        figures[side.name] = {
            "p50 ms of those served": _one(served),
            "p50 ÷ unloaded": _one(served / unloaded),
            "goodput ÷ capacity": _one(told["ok"] / told["seconds"] / most),
            "upstream calls ÷ requests": _one(sent / told["requests"]),
            "attempts ÷ requests": _one(told["attempts"] / told["requests"]),
        }
    found = figures[on.name]
    checks = [
        Check("2 × capacity: p50 of those served ÷ unloaded", found["p50 ÷ unloaded"], 3, True, "×"),
        Check("2 × capacity: goodput ÷ capacity", found["goodput ÷ capacity"], 0.9, False, "×"),
        Check("2 × capacity: upstream calls ÷ requests", found["upstream calls ÷ requests"], 1.2, True, "×"),
    ]
    return Result(figures, checks)


def overload_seconds(turns: Turns) -> float:
    """Seconds of each side of the row overload."""
    return OVERLOAD_SECONDS if turns.rounds > 3 else OVERLOAD_SECONDS / 6


def _one(value: float) -> Spread:
    return spread([value])


def _calls(servers: Servers, side: Side, rate: float, seconds: float) -> dict[str, Any]:
    """What became of supabase-js' calls; see overload.cjs."""
    command = ["node", str(HERE / "overload.cjs"), str(MODULES), side.url, servers.token, str(rate), str(seconds)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(json.loads(printed))


def _resident(pid: int) -> int:
    return PAGE * int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])


ROWS: dict[str, Callable[[Run], Result]] = {
    "lone": lone,
    "pass": passed,
    "merged": merged,
    "fan-out": fan_out,
    "flat": flat,
    "observers": observers,
    "idle": idle,
    "overload": overload,
    "memory": memory,
}
