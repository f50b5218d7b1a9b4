"""Random bursts, each request also sent alone to PostgREST: whatever differs is a fault of fanin."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proxy.observe.events import Event, FellBack, RequestAnswered, UpstreamCalled
from tests.e2e.support.answer_differences import differences
from tests.e2e.support.burst_coverage import Coverage
from tests.e2e.support.burst_generator import LARGEST_BURST, Burst, BurstRequest
from tests.e2e.support.bursts import statement_counter
from tests.e2e.support.connections import Connections
from tests.e2e.support.harness import fanin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.conftest import Stack
    from tests.e2e.support.decision_table import Row
    from tests.e2e.support.raw_client import RawAnswer

NO_PAUSES: dict[str, Any] = {"merge__pause_first": 1e-9, "merge__pause_max": 1e-9}
"""A pause after a failure would hide what the next burst could show."""
LONG_DEADLINE: dict[str, Any] = {"merge__deadline_floor": 10.0, "headers": "on"}
"""A busy machine is not what this is about; each answer tells how it came about."""
NOT_ONE_ROW = b'"PGRST116"'
"""The code of the one 406 that is told by the rows."""
DIRECT_CONNECTIONS = 6
"""Connections on which requests are sent alone."""


@dataclass
class Report:
    """What a run compared and saw."""

    name: str
    requests: int = 0
    direct: int = 0
    """Statements that Postgres counted for the requests alone."""
    through: int = 0
    """The same through fanin, whose questions for types fail and are not counted."""
    calls: Counter[str] = field(default_factory=Counter)
    """Upstream calls through fanin, by kind."""
    fallbacks: Counter[str] = field(default_factory=Counter)
    coverage: Coverage = field(default_factory=Coverage)
    faults: list[str] = field(default_factory=list)

    @property
    def together(self) -> int:
        """Requests answered with others by one call."""
        return self.coverage.outcomes["merged"] + self.coverage.outcomes["shared"]

    def watch(self, event: Event) -> None:
        """See what a fanin does."""
        if isinstance(event, RequestAnswered) and event.span.bypass_reason:
            self.coverage.bypass_reasons[event.span.bypass_reason] += 1
        elif isinstance(event, UpstreamCalled):
            self.calls[event.kind] += 1
        elif isinstance(event, FellBack):
            self.fallbacks[event.reason] += 1

    def __str__(self) -> str:
        share = 100 * self.together / max(1, self.requests)
        outcomes, calls = _counts_as_text(self.coverage.outcomes), _counts_as_text(self.calls)
        lines = [
            f"{self.name}: {self.requests} requests, {share:.0f} % answered from batches: {outcomes}",
            f"  SQL statements: {self.direct} alone, {self.through} through fanin; its calls: {calls}",
            f"  merged answers not used: {_counts_as_text(self.fallbacks) or 'none'}",
            *(f"  differs: {fault}" for fault in self.faults[:5]),
        ]
        return "\n".join(lines)


async def compare_bursts(
    stack: Stack,
    name: str,
    made: Iterable[Burst],
    rows: frozenset[Row] = frozenset(),
    enough: int = 10**9,
    **changes: Any,
) -> Report:
    """Send every burst through a fanin in this process, and each request alone; stop after ``enough`` faults.

    Each is an example of ``rows`` too; ``changes`` are of fanin's settings.
    """
    report = Report(name)
    async with (
        statement_counter(stack.dsn) as counter,
        fanin(stack.url, **({"merge__ties": "physical"} | LONG_DEADLINE | NO_PAUSES | changes)) as sidecar,
        Connections(sidecar.port, LARGEST_BURST) as through,
        Connections(stack.url, DIRECT_CONNECTIONS) as alone,
    ):
        sidecar._events.subscribe(report.watch)
        for one in made:
            await counter.reset()
            answers = await _send_in_waves(through, one)
            report.through += await counter.statements(not any(map(_hides_its_statement, answers)))
            await counter.reset()
            direct = await alone.alone(one.requests)
            report.direct += await counter.statements()
            _judge(report, one.requests, rows, direct, answers)
            if len(report.faults) >= enough:
                break
    return report


def _hides_its_statement(answer: RawAnswer) -> bool:
    """Its status is one that a statement has, yet PostgREST made none, or only explained it."""
    planned = b"plan" in b"".join(answer.values(b"content-type"))
    return planned or (answer.status == 406 and NOT_ONE_ROW not in answer.body)


def _judge(
    report: Report,
    asked: Sequence[BurstRequest],
    rows: frozenset[Row],
    direct: Sequence[RawAnswer],
    through: Sequence[RawAnswer],
) -> None:
    report.requests += len(asked)
    for one, expected, answer in zip(asked, direct, through, strict=True):
        report.coverage.see(one._replace(rows=one.rows | rows), answer)
        found = differences(expected, answer)
        if found:
            report.faults.append("\n".join([one.request.decode(), *found]))


async def _send_in_waves(through: Connections, made: Burst) -> list[RawAnswer]:
    """All at once, or in waves some turns of the loop apart, so that some come while others are in flight."""
    first = asyncio.gather(through.together(made.first))
    for _ in range(made.turns if made.first else 0):
        await asyncio.sleep(0)
    rest = await through.together(made.rest, len(made.first))
    return (await first)[0] + rest


def _counts_as_text(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
