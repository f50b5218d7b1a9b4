"""The runs of the differential test: random bursts against PostgREST as it is, with a small max-rows,
with a catalog, after failures, and with limits so low that each is reached.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.e2e.support.burst_coverage import Coverage
from tests.e2e.support.burst_generator import BurstGenerator, bursts
from tests.e2e.support.decision_table import Row
from tests.e2e.support.differential import Report, compare_bursts
from tests.e2e.support.request_templates import OTHERS
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conftest import Stack

REQUESTS = int(os.environ.get("DIFFERENTIAL_REQUESTS", "8000"))
SEED = int(os.environ.get("DIFFERENTIAL_SEED", "0")) or secrets.randbelow(10**9)
"""Another one in each run; a failure prints it, and DIFFERENTIAL_SEED repeats it."""
REVERSIBLE = {"db_tx_end": "commit-allow-override", "db_aggregates_enabled": "true"}
"""PostgREST's settings: writes can be undone, and aggregates are answered."""
NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})
LONG_PAUSES = {"merge__pause_first": 60.0, "merge__pause_max": 60.0, "merge__max_key_body": 10}
LOW_LIMITS = {
    "merge__max_tracked": 1,
    "merge__max_keys": 5,
    "merge__max_window": 10,
    "merge__max_body": 60_000,
    "merge__fallbacks": 2,
    "merge__types_lifetime": 1e-3,
    "merge__max_rows_lifetime": 1e-3,
    "pool__calls": 4,
}
FAILING = tuple(template for template in OTHERS if Row.UNORDERED in template.rows)
"""Queries whose merged answers are not used, as a rule."""

LEAST_SHARE, MOST_STATEMENTS = 0.5, 0.7
"""At least so much is answered from batches, by at most so many statements for each that the requests alone take."""


class Run(NamedTuple):
    """Bursts against one PostgREST through one fanin."""

    name: str
    share: float
    """Of all requests of the runs."""
    postgrest: str = ""
    """Its db-max-rows."""
    settings: Mapping[str, Any] = NO_SETTINGS
    """Fanin's."""
    catalog: bool = False
    fails: bool = False
    """Whether many of its queries fail to merge; each burst comes twice, the second time into the pauses."""
    rows: frozenset[Row] = frozenset()
    """What each request is an example of, because of where it is sent."""


RUNS = (
    Run("as it is", 0.48),
    Run("with the catalog", 0.16, catalog=True),
    Run("after failures", 0.1, settings=LONG_PAUSES, fails=True),
    Run("with low limits", 0.08, settings=LOW_LIMITS),
    Run("max-rows 3", 0.09, "3", rows=frozenset((Row.MAX_ROWS,))),
    Run("max-rows 7", 0.09, "7", rows=frozenset((Row.MAX_ROWS,))),
)


class RunsResult(NamedTuple):
    """The reports of all runs with one seed."""

    seed: int
    reports: tuple[Report, ...]
    coverage: Coverage
    seconds: float

    @property
    def faults(self) -> list[str]:
        return [fault for report in self.reports for fault in report.faults]

    @property
    def requests(self) -> int:
        return sum(one.requests for one in self.reports)

    @property
    def share(self) -> float:
        """Of the requests, how many were answered from batches."""
        return sum(one.together for one in self.reports) / self.requests

    @property
    def statements(self) -> float:
        """Through fanin, for each that the requests alone took."""
        return sum(one.through for one in self.reports) / sum(one.direct for one in self.reports)

    @property
    def headline(self) -> str:
        """The whole in one line."""
        ratios = f"{self.share:.0%} answered from batches, {self.statements:.2f} statements for one alone"
        return f"DIFFERENTIAL_SEED={self.seed}, {self.seconds:.0f} s, {self.requests / self.seconds:.0f}/s, {ratios}"

    def shortcomings(self) -> list[str]:
        """Wrong answers, and what the run was to show and did not."""
        short = [fault for report in self.reports for fault in report.faults]
        if self.share < LEAST_SHARE:
            short.append(f"only {self.share:.0%} answered from batches")
        if self.statements > MOST_STATEMENTS:
            short.append(f"{self.statements:.2f} statements for one alone")
        return short + self.coverage.missing()

    def __str__(self) -> str:
        return "\n".join([self.headline, *map(str, self.reports)])


class Upstreams:
    """PostgREST for each run."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stacks = ExitStack()

    def __enter__(self) -> Callable[[Run], Stack]:
        made = {}
        for max_rows in dict.fromkeys(run.postgrest for run in RUNS):
            more = {"db_max_rows": max_rows} if max_rows else {}
            made[max_rows] = self._stacks.enter_context(postgrest_with(self._stack, **REVERSIBLE, **more))
        return lambda run: made[run.postgrest]

    def __exit__(self, *_: object) -> None:
        self._stacks.close()


async def compare_in_all_runs(upstream: Callable[[Run], Stack], seed: int, requests: int) -> RunsResult:
    """All runs with bursts of one generator, ``requests`` in all. The same seed makes the same requests."""
    began = time.monotonic()
    generator, reports, coverage = BurstGenerator(random.Random(seed)), [], Coverage()
    for run in RUNS:
        stack = upstream(run)
        settings = dict(run.settings)
        if run.catalog:
            settings |= {"db_uri": stack.dsn, "catalog__schemas": ["unusual"]}
        made = bursts(generator, int(run.share * requests))
        if run.fails:
            failing = BurstGenerator(generator.chance, others=FAILING, share=0.4)
            made = (one for one in bursts(failing, int(run.share * requests / 2)) for _ in range(2))
        reports.append(await compare_bursts(stack, run.name, made, rows=run.rows, **settings))
        coverage.add(reports[-1].coverage)
    return RunsResult(seed, tuple(reports), coverage, time.monotonic() - began)
