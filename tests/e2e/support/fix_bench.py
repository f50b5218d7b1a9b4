"""Plays requests of an application through fanin, runs what findings print for them, and counts what was run."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from proxy.observe.events import Event, TraceClosed
from tests.e2e.support.fix_runs import PATIENT, run_sql
from tests.e2e.support.fix_tables import MAX_ROWS
from tests.e2e.support.harness import fanin, until

if TYPE_CHECKING:
    from proxy.findings.model import Finding, Fix
    from proxy.model import Trace
    from tests.conftest import Stack
    from tests.e2e.support.fix_comparison import Comparison
    from tests.e2e.support.fix_reads import Request
    from tests.e2e.support.fix_runs import Table

Run = Callable[[str], Awaitable[None]]
"""Runs printed code; AssertionError if its result is not what the application got."""
LANGUAGES = ("js", "py", "sql")
SENSITIVE: dict[str, Any] = {
    "select_star": {"min_bytes": 1},
    "exact_count": {"min_rows": 1},
    "chatty_trace": {"min_queries": 3, "min_kinds": 3},
    "serial_calls": {"min_seconds": 1e-9, "max_pause": 60.0},
    "list_to_find_one": {"min_rows": 20, "max_pause": 60.0},
    "unbounded_read": {"min_rows": 100},
    "deep_offset": {"min_offset": 10},
}
"""Few rows and short times are enough to find something."""


@dataclass
class Seen:
    """What was found in a trace, and what its requests got: the rows, and their number in all."""

    trace: Trace
    findings: dict[str, Finding]
    answers: list[tuple[list[Any], str]]
    left: str
    """What it left in the table that it changes."""


@dataclass
class Bench:
    """Runs printed code in all languages, and keeps by rule and language how often it did."""

    stack: Stack
    comparison: Comparison
    executed: Counter[tuple[str, str]] = field(default_factory=Counter)
    withheld: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    async def play(
        self, traces: Sequence[Sequence[Request]], table: Table | None = None, refused: bool = False, **changes: Any
    ) -> list[Seen]:
        """Each trace on a connection of its own, its requests one after another; four traces at once, or one by one if
        they change ``table``. ``refused``: PostgREST may refuse a request.
        """
        closed: dict[str, TraceClosed] = {}

        def watch(event: Event) -> None:
            if isinstance(event, TraceClosed):
                closed[event.trace.id] = event

        settings = PATIENT | {"merge__max_rows": MAX_ROWS, "rules": PATIENT["rules"] | SENSITIVE}
        settings |= {"trace__quiet_explicit": 30.0} | changes  # however busy the machine is, a trace is one
        gate, left = asyncio.Semaphore(4 if table is None else 1), dict[int, str]()
        async with fanin(self.stack.url, **settings) as sidecar:
            sidecar._events.subscribe(watch)
            if settings.get("detect__openapi"):
                await until(lambda: sidecar.rule_runner.facts.relations)

            async def one(number: int, requests: Sequence[Request]) -> list[tuple[list[Any], str]]:
                async with gate, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
                    headers = {"Authorization": f"Bearer {self.stack.token}", "X-Fanin-Trace": f"t{number}"}
                    base = f"http://127.0.0.1:{sidecar.port}"
                    if table is not None:
                        await table.reset()
                    got = [await _answer(session, base, headers, request, refused) for request in requests]
                    left[number] = "" if table is None else await table.state()
                    return got

            answers = await asyncio.gather(*(one(number, requests) for number, requests in enumerate(traces)))
            assert all(sidecar.traces.close_trace(f"t{number}") for number in range(len(traces)))
            await until(lambda: len(closed) == len(traces))
        return [
            Seen(event.trace, {finding.code: finding for finding in event.findings}, answers[number], left[number])
            for number, event in ((number, closed[f"t{number}"]) for number in range(len(traces)))
        ]

    async def each(self, rule: str, fix: Fix, runs: Mapping[str, Run]) -> None:
        """Run each printed part of ``fix``. A part that ``runs`` does not run fails, as one that is not printed and
        has no reason does.
        """
        for language, code in zip(LANGUAGES, (fix.supabase_js, fix.supabase_py, fix.sql), strict=True):
            if not code:
                assert fix.reason, f"{rule} has no {language}, and no reason"
                self.withheld[rule, language].add(fix.reason)
                continue
            try:
                await runs[language](code)
            except Exception as error:
                raise AssertionError(f"{rule} {language}: {type(error).__name__}: {error}\n{code}") from error
            self.executed[rule, language] += 1

    def reads(self, request: Request, rows: list[Any]) -> dict[str, Run]:
        """Runs of code that returns the rows of one read."""

        async def js(code: str) -> None:
            answer = await self.comparison.node.run(code, [request.values])
            assert "error" not in answer, answer
            request.compare(answer["results"][0], rows)

        async def py(code: str) -> None:
            request.compare((await self.comparison.python.run(code, [request.values]))[0], rows)

        async def sql(code: str) -> None:
            request.compare(await self.sql(code, request.texts), rows)

        return {"js": js, "py": py, "sql": sql}

    async def sql(self, code: str, values: Sequence[str | None]) -> list[Any]:
        """The rows of a printed query."""
        return await run_sql(self.comparison.connection, code, values)


async def _answer(
    session: aiohttp.ClientSession, base: str, headers: Mapping[str, str], request: Request, refused: bool
) -> tuple[list[Any], str]:
    url, body = URL(base + request.target, encoded=True), None
    given = {**headers, **request.headers}
    if request.body is not None:
        body, given["Content-Type"] = json.dumps(request.body).encode(), "application/json"
    async with session.request(request.method, url, headers=given, data=body) as answer:
        content = await answer.read()
        assert refused or answer.status < 300, content
        return json.loads(content) if content and not refused else [], answer.headers.get(
            "Content-Range", ""
        ).rpartition("/")[2]
