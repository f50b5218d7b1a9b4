"""One running fanin: its rooms and its I/O put together, its background work, its end."""

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence

import msgspec

from proxy.config import ConfigError, Settings
from proxy.errors import FaultError
from proxy.findings import Rule
from proxy.observe.events import Events, Turned, Warned
from proxy.path.duplicate import either, listed
from proxy.path.evidence import RowEvidence
from proxy.path.identity import HeadRules, head_rules
from proxy.path.singular import Templates
from proxy.path.trace import Quiet, Traces
from proxy.postgrest.catalog import Catalog
from proxy.postgrest.gateway import Gateway
from proxy.shell.advice import HeaderAdvice
from proxy.shell.catalog import CatalogReader
from proxy.shell.check import Checker
from proxy.shell.discover import Place, discover
from proxy.shell.fetch import Fetcher, Fetches
from proxy.shell.judge import Judge
from proxy.shell.lessons import Lessons
from proxy.shell.levels import gauges
from proxy.shell.merger import Merger
from proxy.shell.oracle import Oracle
from proxy.shell.parts import Line
from proxy.shell.pipeline import Pipeline
from proxy.shell.route import Route
from proxy.shell.server import Server
from proxy.shell.shadow import Sampled, Shadow
from proxy.shell.sharing import Sharing
from proxy.shell.stitcher import Stitcher
from proxy.shell.upstream import Upstream

TICK = 0.02
"""Seconds between two looks at what should have closed."""
TURN = 0.002
"""Seconds of rules a loop turn: traffic comes first."""


class Sidecar:
    """Built from settings; ``start`` listens, ``stop`` drains."""

    def __init__(self, settings: Settings, rules: Sequence[Rule], events: Events, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.draining = False
        self.port = 0
        self._judge = Judge(rules, events)
        self._events = events
        self._clock = clock
        self._key = secrets.token_bytes(16)
        self.upstream = Upstream(settings, clock)
        self.traces = Traces(msgspec.convert(settings.trace.model_dump(exclude={"headers"}), Quiet))
        self._evidence = RowEvidence(settings.merge.max_rows, settings.merge.row_evidence)
        self._catalog = CatalogReader(settings, events, self._adopt)
        self.merger: Merger | None = None
        self.oracle: Oracle | None = None
        self.sharing: Sharing | None = None
        self.checker: Checker | None = None
        self.stitcher: Stitcher | None = None
        self.server: Server | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._told_per_call = 0

    async def start(self) -> Place:
        """Find out what upstream is, which is returned; bind, begin. ConfigError for an address taken or our own."""
        host, port = split_listen(self.settings.listen)
        self._refuse_ourselves(host, port)
        place = await discover(self.settings, self.upstream, self._events)
        route = Route(place.mount.rstrip("/").encode(), place.base)
        self._events.subscribe(HeaderAdvice(self._events, place.gateway))
        templates = Templates(self.settings.merge.max_tracked)
        lessons = Lessons(place.gateway, self._evidence, templates, self._clock)
        self.merger, self.sharing, shadow = self._merging(route, place.gateway, templates, lessons)
        self.stitcher = self._stitching(route, place.gateway, self.merger.next_number)
        await self._catalog.start()
        pipeline = Pipeline(
            self.settings,
            route,
            self.upstream,
            self.merger,
            self.sharing,
            self.stitcher,
            lessons,
            self.traces,
            self._events,
            self._clock,
            self._key,
            shadow,
        )
        self.server = Server(
            self.settings,
            self._head_rules(),
            pipeline.handle,
            self._clock,
            self.upstream.open_ends,
            self._turned,
            route.on_mount,
        )
        try:
            self.port = await self.server.listen(host, port)
        except OSError as error:
            raise ConfigError(f"listen: cannot bind {self.settings.listen}: {error.strerror}") from error
        self._ticking = asyncio.create_task(self._tick())
        return place

    def _merging(
        self, route: Route, gateway: Gateway, templates: Templates, lessons: Lessons
    ) -> tuple[Merger, Sharing, Shadow | None]:
        """Who merges, who shares, and who compares: in mode shadow merging has no callers, and its calls are counted
        apart.
        """
        settings, upstream, clock, numbers = self.settings, self.upstream, self._clock, itertools.count(1)
        more = (self._evidence, self._events, clock)
        checker = self.checker = Checker(settings, upstream, route, gateway, *more, templates)
        oracle = self.oracle = Oracle(settings, upstream, route, self._events, clock)
        trust = (numbers, templates, checker.pauses)
        stable = (listed(settings.rules.duplicate_read.rpc), oracle.is_stable)
        sharing = Sharing(settings, upstream, route, gateway, either(*stable), lessons, self._events, clock, numbers)
        if settings.mode == "shadow" and settings.rules.fan001 == "rewrite":
            shadow = Shadow(settings, checker, clock)
            merger = Merger(settings, shadow, oracle, sharing, self._evidence, checker.events, clock, *trust)
            return merger, sharing, shadow
        fetcher: Fetches = Fetcher(settings, upstream, upstream.calls, route, gateway, *more)
        if settings.shadow.share:
            fetcher = Sampled(fetcher, checker, upstream.calls, settings.shadow.share, clock)
        return Merger(settings, fetcher, oracle, sharing, *more, *trust), sharing, None

    def _adopt(self, catalog: Catalog) -> None:
        if self.oracle is not None:
            self.oracle.adopt(catalog, self._catalog.contradicted)

    def _stitching(self, route: Route, gateway: Gateway, next_number: Callable[[], int]) -> Stitcher:
        alias, max_body = b"f" + secrets.token_hex(12).encode(), self.settings.merge.max_body
        line = Line(self.upstream, route, gateway, self._evidence, self._events, self._clock, alias, max_body)
        return Stitcher(self.settings, line, next_number)

    def _head_rules(self) -> HeadRules:
        identity = self.settings.identity
        host = self.upstream.address.authority if self.settings.upstream_host == "upstream" else b""
        return head_rules(host, self.settings.trace.headers, identity.also_neutral, identity.not_neutral, self._key)

    async def stop(self) -> None:
        """Not ready, keep accepting for drain.delay, finish within drain.timeout."""
        self.draining = True
        if self.checker is not None:
            await self.checker.close()
        if self.server is not None:
            self.server.draining = True
            await asyncio.sleep(self.settings.drain.delay)
            await self.server.close(self.settings.drain.timeout)
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        for trace in self.traces.drain():
            self._judge.judge(trace, self.settings.rules)
        await self._catalog.stop()
        self.upstream.close()

    def gauges(self) -> dict[str, float]:
        """What is open now, by the name of its metric."""
        return gauges(self)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self._clock()
            for lane in (self.upstream.calls, self.upstream.others, self.upstream.shadows):
                lane.sweep(now)
            began = now
            for trace in self.traces.sweep(now):
                self._judge.judge(trace, self.settings.rules)
                if self._clock() - began > TURN:
                    await asyncio.sleep(0)
                    began = self._clock()
            self._tell_per_call()

    def _tell_per_call(self) -> None:
        if self.traces.per_call_callers > self._told_per_call:
            self._told_per_call = self.traces.per_call_callers
            self._events.emit(
                Warned(
                    "a caller makes a new trace id for every call, so its traces are inferred from timing",
                    "Make one id per application request and send it with each of its calls.",
                )
            )

    def _turned(self, error: FaultError) -> None:
        self._events.emit(Turned(error.fault.code))

    def _refuse_ourselves(self, host: str, port: int) -> None:
        address = self.upstream.address
        local = {host, "localhost", "127.0.0.1", "::1"}
        if port and address.port == port and address.host in local:
            raise ConfigError(f"upstream: {self.settings.upstream} is fanin's own listener; name PostgREST's address")


def split_listen(listen: str) -> tuple[str, int]:
    """``HOST:PORT``; ConfigError for anything else."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"'{listen}' is not HOST:PORT")
    return host.strip("[]"), int(port)
