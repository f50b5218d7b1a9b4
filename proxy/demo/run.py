"""`fanin demo`: runs RetroMuscle's payment export directly against PostgREST and through fanin, and compares both.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import asyncio
import json
import signal
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from proxy.demo import payment_export
from proxy.demo.data import load
from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.demo.stack import Postgres, PostgREST, StackError, reset, service_token, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CREATORS = 2000
ROUNDS = 5
"""Number of measured runs per side, in turn; the table shows the medians."""
SECRET = "the demo's own secret, of no use anywhere else"  # noqa: S105
TRACE_TIMEOUT = 10.0  # seconds
INTERRUPTED = 130
UNABLE = 75


class DemoRow(NamedTuple):
    """One line of the table; times are milliseconds."""

    case: str
    requests: int
    statements_direct: int
    statements_fanin: int
    ms_direct: float
    ms_fanin: float
    equal: bool


class Servers(NamedTuple):
    """The running servers, and a token for them."""

    postgres: Postgres
    postgrest: PostgREST
    fanin: Fanin
    token: str


def demo(*, keep: bool, as_json: bool) -> int:
    """Run the demo; returns the exit code. Progress goes to stderr, the table to stdout."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _servers() as servers:
            row = asyncio.run(_measure(servers))
            if as_json:
                print(json.dumps([row._asdict()]))
            else:
                _show(row, _first_trace(servers.fanin))
            if keep:
                _wait(servers)
    except KeyboardInterrupt:
        _say("stopped")
        return INTERRUPTED
    except StackError as error:
        _say(f"the demo cannot run: {error}")
        return UNABLE
    return 0 if row.equal else 1


@contextmanager
def _servers() -> Iterator[Servers]:
    _say("starting Postgres")
    with Postgres() as postgres:
        _say(f"loading RetroMuscle: {CREATORS:,} creators")
        asyncio.run(load(postgres.dsn, CREATORS))
        _say("starting PostgREST and fanin")
        with (
            PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest,
            Fanin(postgrest.url, settings={"debug": "true", **NO_CHECKS}) as fanin,
        ):
            yield Servers(postgres, postgrest, fanin, service_token(SECRET))


async def _measure(servers: Servers) -> DemoRow:
    """Run both sides in turn, so that both have equally warm caches, and count the statements in Postgres."""
    _say(f"payment export, {ROUNDS} times directly and {ROUNDS} times through fanin")
    connection = await asyncpg.connect(servers.postgres.dsn)
    try:
        direct: list[payment_export.ExportRun] = []
        through: list[payment_export.ExportRun] = []
        counts: dict[str, list[int]] = {"direct": [], "fanin": []}
        for number in range(ROUNDS + 1):
            for name, url, runs in (
                ("direct", servers.postgrest.url, direct),
                ("fanin", servers.fanin.url, through),
            ):
                await reset(connection)
                runs.append(await payment_export.export(url, servers.token, f"payment-export-{number}"))
                counts[name].append(await statements(connection))
    finally:
        await connection.close()
    # The first round opens PostgREST's connections and fills Postgres' caches: it is not measured.
    return DemoRow(
        case=payment_export.ROUTE,
        requests=len(direct[0].answers),
        statements_direct=int(statistics.median(counts["direct"][1:])),
        statements_fanin=int(statistics.median(counts["fanin"][1:])),
        ms_direct=round(1000 * statistics.median(run.seconds for run in direct[1:]), 1),
        ms_fanin=round(1000 * statistics.median(run.seconds for run in through[1:]), 1),
        equal=all(_same(number, *runs) for number, runs in enumerate(zip(direct, through, strict=True))),
    )


def _same(number: int, direct: payment_export.ExportRun, through: payment_export.ExportRun) -> bool:
    """Whether the answers of a round are equal; prints the first difference."""
    for number_of_request, (ours, theirs) in enumerate(zip(through.answers, direct.answers, strict=True)):
        for part, mine, other in zip(ours._fields, ours, theirs, strict=True):
            if mine != other:
                place = f"round {number}, request {number_of_request}"
                _say(f"{place}: the {part} differs: {other!r:.300} became {mine!r:.300}")
                return False
    return True


def _show(row: DemoRow, trace: str) -> None:
    cells: tuple[tuple[str, Callable[[DemoRow], Any]], ...] = (
        ("use case", lambda r: r.case),
        ("requests sent", lambda r: r.requests),
        ("SQL statements", lambda r: f"{r.statements_direct} → {r.statements_fanin}"),
        ("ms", lambda r: f"{r.ms_direct:.0f} → {r.ms_fanin:.0f}"),
        ("answers equal", lambda r: "yes" if r.equal else "NO"),
    )
    texts = [str(show(row)) for _, show in cells]
    widths = [max(len(title), len(text)) for (title, _), text in zip(cells, texts, strict=True)]
    for line in ([title for title, _ in cells], ["─" * width for width in widths], texts):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    print(f"(directly to PostgREST → through fanin; medians of {ROUNDS} runs; statements counted by Postgres)")
    if trace:
        print(f"\nThe trace and its finding, printed by `fanin serve --debug`:\n\n{trace}")


def _first_trace(fanin: Fanin) -> str:
    """The export's first trace in fanin's debug output, with its finding; it closes a second after its last call."""
    until = time.monotonic() + TRACE_TIMEOUT
    while time.monotonic() < until:
        for block in fanin.printed().split("\n\n")[:-1]:
            if f"● {payment_export.ROUTE}" in block:
                return "●" + block.partition("●")[2]
        time.sleep(0.05)
    raise StackError(f"fanin printed no trace of the {payment_export.ROUTE} within {TRACE_TIMEOUT} s")


def _wait(servers: Servers) -> None:
    print(
        f"\nRunning until Ctrl-C:\n  PostgREST  {servers.postgrest.url}\n  fanin      {servers.fanin.url}\n"
        f"  pages      {servers.fanin.admin_url}/\n  metrics    {servers.fanin.admin_url}/metrics\n"
        f"  Postgres   {servers.postgres.dsn}\n\nTry:\n"
        f"  curl -i '{servers.fanin.url}/creators?select=id,handle&limit=2' -H 'Authorization: Bearer {servers.token}'",
        file=sys.stderr,
        flush=True,
    )
    threading.Event().wait()


def _say(what: str) -> None:
    print(f"· {what}", file=sys.stderr, flush=True)
