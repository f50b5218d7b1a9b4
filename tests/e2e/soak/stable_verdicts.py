"""`make soak`: the same scenario has the same findings, with the same impacts, each time that it is played.

`python -m tests.e2e.soak.stable_verdicts [FOLDER…]` plays these sets of tests/corpus, or groups of them, only,
`VERDICT_RUNS` times (10), each time on a fresh copy of the database and beside `VERDICT_LOAD` processes that compute
(3). A scenario whose findings differ from one run to another is printed with them, and the exit status is 1.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter, defaultdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.findings.model import IMPACTS
from proxy.recording.codec import read_traces
from rules import TRAFFIC_RULES
from tests.corpus.record import corpus_database, fresh_upstream, play_and_record
from tests.corpus.scoring import SETS, groups
from tests.rules.traces import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.demo.stack import Postgres
    from proxy.model import Trace

RUNS = int(os.environ.get("VERDICT_RUNS", "10"))
LOAD = int(os.environ.get("VERDICT_LOAD", "3"))
COMPUTES = "while True: pass"

Verdict = tuple[tuple[str, str], ...]
"""Codes of the findings of one run, in order, each with its worst impact."""


def verdicts(recorded: bytes) -> dict[str, Verdict]:
    """By scenario, what is found in its traces."""
    traces: defaultdict[str, list[Trace]] = defaultdict(list)
    for trace in read_traces("recorded", BytesIO(recorded)):
        traces[trace.route.partition("#")[0]].append(trace)
    return {name: verdict(of_scenario) for name, of_scenario in traces.items()}


def verdict(traces: Sequence[Trace]) -> Verdict:
    """What is found in the traces of a scenario."""
    worst: dict[str, str] = {}
    for rule in TRAFFIC_RULES:
        for finding in found(rule, traces):
            worst[rule.code] = max(worst.get(rule.code, IMPACTS[0]), finding.impact, key=IMPACTS.index)
    return tuple(sorted(worst.items()))


def differing(runs: Iterable[Mapping[str, Verdict]]) -> dict[str, Counter[Verdict]]:
    """The scenarios with more than one verdict, and how often each came."""
    seen: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    for run in runs:
        for name, verdict in run.items():
            seen[name][verdict] += 1
    return {name: counts for name, counts in seen.items() if len(counts) > 1}


def wanted_groups(folders: Sequence[Path]) -> list[Path]:
    """The groups of these sets, and these groups; of all sets, if none is named. `ValueError`: one is neither."""
    every = [group for scenarios in SETS for group in groups(scenarios)]
    for folder in folders:
        if not any(folder in (group, group.parent) for group in every):
            raise ValueError(
                f"{folder} is neither a set of tests/corpus nor a group of one (a folder with labels.toml)"
            )
    return [group for group in every if group in folders or group.parent in folders] if folders else every


async def soak(wanted: Sequence[Path]) -> int:
    """The number of scenarios whose verdicts differ."""
    wrong = 0
    async with corpus_database() as postgres:
        for group in wanted:
            runs = [await _played(postgres, group) for _ in range(RUNS)]
            unstable = differing(runs)
            print(
                f"{group.name}: {len(runs[0])} scenarios, {RUNS} runs, {len(unstable)} with several verdicts",
                flush=True,
            )
            for name, counts in unstable.items():
                told = "; ".join(f"{count}× {dict(Counter(verdict)) or 'nothing'}" for verdict, count in counts.items())
                print(f"  UNSTABLE {name}: {told}", flush=True)
            wrong += len(unstable)
    return wrong


async def _played(postgres: Postgres, group: Path) -> dict[str, Verdict]:
    async with fresh_upstream(postgres) as (upstream, token):
        return verdicts(await play_and_record(upstream, group, token))


def main() -> int:
    """The exit status: 1 if any scenario had several verdicts."""
    wanted = wanted_groups([Path(name).resolve() for name in sys.argv[1:]])
    load = [subprocess.Popen([sys.executable, "-c", COMPUTES]) for _ in range(LOAD)]
    try:
        return 1 if asyncio.run(soak(wanted)) else 0
    finally:
        for process in load:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
