"""`fanin demo`: runs use cases of RetroMuscle directly against PostgREST and through fanin, and compares both.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from proxy.demo import payment_export
from proxy.demo.data import load
from proxy.demo.link import ONE_WAY, Link
from proxy.demo.measuring import Bench, Location, say
from proxy.demo.missing_indexes import CASE, RETROMUSCLE_CALLS, IndexFigures, indexes_table, missing_indexes
from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.demo.stack import Postgres, PostgREST, StackError, service_token
from proxy.demo.table import NOTHING, DemoRow, Reported, notes, rows_of, table, to_json
from proxy.demo.use_cases import CACHED, KEPT, OPT_IN, USE_CASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from proxy.demo.measuring import CaseFigures
    from proxy.demo.use_cases import UseCase

CREATORS = 2000
ROUNDS, FAR_ROUNDS = 5, 3
"""Number of measured runs per side, in turn; the table shows the medians."""
SECRET = "the demo's own secret, of no use anywhere else"  # noqa: S105
TRACE_TIMEOUT = 30.0  # seconds
INTERRUPTED = 130
UNABLE = 75


class Servers(NamedTuple):
    """The running servers, and a token for them. `fanin` has nothing turned on, `opted` merges loops and writes, and
    `cached` keeps answers.
    """

    postgres: Postgres
    postgrest: PostgREST
    fanin: Fanin
    opted: Fanin
    cached: Fanin
    token: str

    @property
    def near(self) -> Location:
        """PostgREST on the machine of the application."""
        return Location("near", self.postgrest.url, self.fanin.url, _by_rule(self.opted, self.cached), ROUNDS)


def demo(*, keep: bool, as_json: bool) -> int:
    """Run the demo; returns the exit code. Progress goes to stderr, the table to stdout."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _servers() as servers:
            rows = _measure(servers)
            say(f"{CASE}: an audit of {RETROMUSCLE_CALLS} calls, its migration, and the audit again")
            indexes = missing_indexes(servers.postgres.dsn, servers.postgrest.url, servers.token, CREATORS)
            if as_json:
                print(to_json([*(row._asdict() for row in rows), indexes.as_row()]))
            else:
                _show(rows, indexes, _first_trace(servers.fanin))
            if keep:
                _wait(servers)
    except KeyboardInterrupt:
        say("stopped")
        return INTERRUPTED
    except StackError as error:
        say(f"the demo cannot run: {error}")
        return UNABLE
    return 0 if all(row.equal for row in rows) and indexes.equal and not indexes.again else 1


@contextmanager
def _servers() -> Iterator[Servers]:
    say("starting Postgres")
    with Postgres() as postgres:
        say(f"loading RetroMuscle: {CREATORS:,} creators")
        asyncio.run(load(postgres.dsn, CREATORS))
        say("starting PostgREST and fanin")
        with (
            PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest,
            _fanin(postgres, postgrest.url) as fanin,
            _fanin(postgres, postgrest.url, OPT_IN) as opted,
            _fanin(postgres, postgrest.url, CACHED, KEPT) as cached,
        ):
            yield Servers(postgres, postgrest, fanin, opted, cached, service_token(SECRET))


def _fanin(
    postgres: Postgres,
    upstream: str,
    settings: Mapping[str, str] = MappingProxyType({}),
    relations: Sequence[str] = (),
) -> Fanin:
    """fanin with `settings` for some relations, or for all if there are none."""
    own = {"debug": "true", "db_uri": postgres.dsn, "detect.interval": "1", **NO_CHECKS}
    if not relations:
        return Fanin(upstream, settings={**own, **settings})
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    return Fanin(
        upstream,
        settings=own,
        config="".join(f"[[override]]\nrelation = {json.dumps(relation)}\n{lines}" for relation in relations),
    )


def _measure(servers: Servers) -> list[DemoRow]:
    near = asyncio.run(_measure_at(servers, servers.near))
    say(
        f"the same over a link of {1000 * ONE_WAY:.0f} ms each way between PostgREST and the application with its fanin"
    )
    with (
        Link(servers.postgrest.port) as link,
        _fanin(servers.postgres, link.url) as fanin,
        _fanin(servers.postgres, link.url, OPT_IN) as opted,
        _fanin(servers.postgres, link.url, CACHED, KEPT) as cached,
    ):
        place = Location("far", link.url, fanin.url, _by_rule(opted, cached), FAR_ROUNDS)
        far = asyncio.run(_measure_at(servers, place))
    findings = _findings(servers.fanin)
    rows = []
    for case, here, there in zip(USE_CASES, near, far, strict=True):
        rows += rows_of(case, here, there, findings.get(_key_of(case), NOTHING))
    return rows


def _by_rule(opted: Fanin, cached: Fanin) -> dict[str, str]:
    return {"FAN002": opted.url, "FAN004": opted.url, "FAN006": cached.url}


def _key_of(case: UseCase) -> tuple[str, str]:
    """Rule and route of its finding; those of FAN006 are about all routes."""
    return case.rule, "" if case.rule == "FAN006" else case.name


async def _measure_at(servers: Servers, place: Location) -> list[CaseFigures]:
    connection = await asyncpg.connect(servers.postgres.dsn)
    try:
        bench = Bench(connection, servers.token)
        measured = []
        for case in USE_CASES:
            say(f"{case.name}, {place.name}: {place.rounds} times directly and {place.rounds} times through fanin")
            measured.append(await bench.measure(case, place))
        return measured
    finally:
        await connection.close()


def _findings(fanin: Fanin) -> dict[tuple[str, str], Reported]:
    """The findings by rule and route. A trace closes a second after its last call, and the rules that look at all
    traces run every second here.
    """
    wanted = {_key_of(case) for case in USE_CASES}
    until = time.monotonic() + TRACE_TIMEOUT
    found: dict[tuple[str, str], Reported] = {}
    while time.monotonic() < until and not wanted <= found.keys():
        with urllib.request.urlopen(f"{fanin.admin_url}/api/findings", timeout=TRACE_TIMEOUT) as response:  # noqa: S310
            stored: list[dict[str, Any]] = json.load(response)["findings"]
        for one in stored:
            finding = one["finding"]
            found.setdefault((finding["code"], finding["route"]), Reported(finding["title"], finding["expected"]))
        time.sleep(0.05)
    return found


def _show(rows: list[DemoRow], indexes: IndexFigures, trace: str) -> None:
    print("\n".join(table(rows)))
    print(
        "(directly to PostgREST → through fanin; medians; statements counted by Postgres;"
        f" far: a link of {1000 * ONE_WAY:.0f} ms each way)"
    )
    print("\n".join(notes(USE_CASES)))
    print("\n" + "\n".join(indexes_table(indexes)))
    print("\nReported by fanin, with nothing turned on:")
    for code, case, title, expected in dict.fromkeys((row.rule, row.case, row.finding, row.expected) for row in rows):
        print(f"  {code}  {case}: {title or 'nothing'}\n          {expected}")
    print(f"\nThe trace of the payment export and its finding, printed by `fanin serve --debug`:\n\n{trace}")


def _first_trace(fanin: Fanin) -> str:
    """The export's first trace in fanin's debug output, with its finding; it closes a second after its last call."""
    until = time.monotonic() + TRACE_TIMEOUT
    while time.monotonic() < until:
        for block in fanin.printed().split("\n\n")[:-1]:
            if f"● {payment_export.ROUTE}  " in block:
                return "●" + block.partition("●")[2]
        time.sleep(0.05)
    raise StackError(f"fanin printed no trace of the {payment_export.ROUTE} within {TRACE_TIMEOUT} s")


def _wait(servers: Servers) -> None:
    print(
        f"\nRunning until Ctrl-C:\n  PostgREST  {servers.postgrest.url}\n  fanin      {servers.fanin.url}\n"
        f"  fanin with FAN002 and FAN004 turned on  {servers.opted.url}\n"
        f"  fanin with FAN006 turned on  {servers.cached.url}\n"
        f"  pages      {servers.fanin.admin_url}/\n  metrics    {servers.fanin.admin_url}/metrics\n"
        f"  Postgres   {servers.postgres.dsn}\n\nTry:\n"
        f"  curl -i '{servers.fanin.url}/creators?select=id,handle&limit=2' -H 'Authorization: Bearer {servers.token}'",
        file=sys.stderr,
        flush=True,
    )
    threading.Event().wait()
