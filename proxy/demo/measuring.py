"""Runs a use case directly and through fanin, in turn, counts the statements in Postgres and compares the answers.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.demo.application import Answer, application
from proxy.demo.stack import reset, statements
from proxy.demo.use_cases import ON, REVIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from proxy.demo.use_cases import Calls, UseCase

_REVIEWED = "select id::text, status, reviewed_at::text from videos where reviewed_by = $1 order by id"
_RESTORE = "update videos set status = 'pending_review', reviewed_at = null, reviewed_by = null where reviewed_by = $1"


class Location(NamedTuple):
    """Where PostgREST is. The URLs are those for the application."""

    name: str
    direct: str
    fanin: str
    """fanin with nothing turned on."""
    opted: Mapping[str, str]
    """fanin with an opt-in cure, by the code of its rule."""
    rounds: int
    """Measured runs of each side; one more before them is not measured."""


class MeasuredRun(NamedTuple):
    """One run: its answers, the rows that it has written, its seconds, and its statements."""

    answers: Sequence[Answer]
    written: object
    seconds: float
    statements: int


class Side(NamedTuple):
    """Medians over the measured runs of one side."""

    requests: int
    statements: int
    ms: float


class CaseFigures(NamedTuple):
    """A use case at one place: directly, and with each cure whether its answers were equal in every round."""

    direct: Side
    cures: Sequence[tuple[Side, bool]]


class Bench:
    """Runs use cases. `connection` is a superuser's; `token` that of the application."""

    def __init__(self, connection: asyncpg.Connection[Any], token: str) -> None:
        self._connection = connection
        self._token = token

    async def measure(self, case: UseCase, place: Location) -> CaseFigures:
        """Run all sides in turn, so that all have equally warm caches."""
        direct: list[MeasuredRun] = []
        through: list[list[MeasuredRun]] = [[] for _ in case.cures]
        for number in range(place.rounds + 1):
            trace = f"{case.name}-{place.name}-{number}".replace(" ", "-").replace(",", "")
            direct.append(await self._run(case, case.calls, place.direct, trace))
            for cure, runs in zip(case.cures, through, strict=True):
                url = place.opted[case.rule] if cure.name == ON else place.fanin
                runs.append(await self._run(case, cure.calls, url, f"{trace}-{cure.name}"))
        equal = [all(_same(case, *pair) for pair in zip(direct, runs, strict=True)) for runs in through]
        # The first round opens PostgREST's connections and fills Postgres' caches: it is not measured.
        return CaseFigures(
            _side(direct[1:]), [(_side(runs[1:]), same) for runs, same in zip(through, equal, strict=True)]
        )

    async def _run(self, case: UseCase, calls: Calls, url: str, trace: str) -> MeasuredRun:
        await reset(self._connection)
        async with application(url, self._token, trace, case.name) as app:
            began = time.perf_counter()
            answers = await calls(app)
            seconds = time.perf_counter() - began
        count = await statements(self._connection)
        written: object = None
        if case.writes:
            written = [tuple(row) for row in await self._connection.fetch(_REVIEWED, REVIEWER)]
            await self._connection.execute(_RESTORE, REVIEWER)
        return MeasuredRun(answers, written, seconds, count)


def say(what: str) -> None:
    """Print progress, or what is wrong."""
    print(f"· {what}", file=sys.stderr, flush=True)


def _side(runs: Sequence[MeasuredRun]) -> Side:
    return Side(
        requests=len(runs[0].answers),
        statements=int(statistics.median(run.statements for run in runs)),
        ms=round(1000 * statistics.median(run.seconds for run in runs), 1),
    )


def _same(case: UseCase, direct: MeasuredRun, through: MeasuredRun) -> bool:
    """Whether two runs gave the application the same, and wrote the same; prints the first difference."""
    if case.result(through.answers) == case.result(direct.answers) and through.written == direct.written:
        return True
    if through.written != direct.written:
        say(f"{case.name}: the rows written differ: {direct.written!r:.300} became {through.written!r:.300}")
    for number, (ours, theirs) in enumerate(zip(through.answers, direct.answers, strict=False)):
        for part, mine, other in zip(ours._fields, ours, theirs, strict=True):
            if mine != other:
                say(f"{case.name}, request {number}: the {part} differs: {other!r:.300} became {mine!r:.300}")
                return False
    return False
