"""`make soak`: the same scenario has the same findings, with the same impacts, each time that it is played.

`python -m tests.e2e.soak.stable_verdicts [GROUP…]` plays these folders of tests/corpus only, `VERDICT_RUNS` times (10).
A scenario whose findings differ from one run to another is printed with them, and the exit status is 1.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter, defaultdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.recording.codec import read_traces
from rules import RULES
from tests.corpus.record import corpus_upstream, play_and_record
from tests.corpus.scoring import HELD_OUT, IN_SAMPLE, groups
from tests.rules.traces import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.model import Trace

RUNS = int(os.environ.get("VERDICT_RUNS", "10"))

Verdict = tuple[tuple[str, str], ...]
"""Codes and impacts of the findings of one run, in order."""


def verdicts(recorded: bytes) -> dict[str, Verdict]:
    """By scenario, what is found in its traces."""
    traces: defaultdict[str, list[Trace]] = defaultdict(list)
    for trace in read_traces("recorded", BytesIO(recorded)):
        traces[trace.route.partition("#")[0]].append(trace)
    return {name: _verdict(of_scenario) for name, of_scenario in traces.items()}


def _verdict(traces: Sequence[Trace]) -> Verdict:
    return tuple(sorted((finding.code, finding.impact) for rule in RULES for finding in found(rule, traces)))


def differing(runs: Iterable[Mapping[str, Verdict]]) -> dict[str, Counter[Verdict]]:
    """The scenarios with more than one verdict, and how often each came."""
    seen: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    for run in runs:
        for name, verdict in run.items():
            seen[name][verdict] += 1
    return {name: counts for name, counts in seen.items() if len(counts) > 1}


async def soak(wanted: Sequence[Path]) -> int:
    """The number of scenarios whose verdicts differ."""
    wrong = 0
    async with corpus_upstream() as (upstream, token):
        for group in wanted or (*groups(IN_SAMPLE), *groups(HELD_OUT)):
            runs = [verdicts(await play_and_record(upstream, group, token)) for _ in range(RUNS)]
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


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(soak([Path(name).resolve() for name in sys.argv[1:]])) else 0)
