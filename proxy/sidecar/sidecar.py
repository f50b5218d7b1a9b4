"""One running fanin: its rooms and its I/O put together, its background work, its end."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from proxy.errors.codes import FaultError
from proxy.findings.model import Rule
from proxy.merging.comparer import ShadowComparer
from proxy.merging.merger import Merger
from proxy.observe.events import Events, FellBack, RequestRefused, UpstreamCalled, Warned
from proxy.path.identity import HeadRules, head_rules
from proxy.postgrest.catalog import Catalog
from proxy.recording.codec import salt_of
from proxy.server.server import DataServer
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.settings.sources import ConfigError
from proxy.sidecar.pipeline import Pipeline
from proxy.sidecar.policy import Policy, UpstreamState
from proxy.sidecar.rule_runner import RuleRunner
from proxy.traces.grouping import GroupingSettings, TraceGrouper
from proxy.transport.address import split_listen
from proxy.upstream.catalog import CatalogReader
from proxy.upstream.client import Upstream
from proxy.upstream.column_types import ColumnTypeResolver
from proxy.upstream.discovery import Discovered, discover
from proxy.upstream.header_advice import HeaderAdvice
from proxy.upstream.health import Health
from proxy.upstream.mount import Mount

if TYPE_CHECKING:
    from proxy.model import Trace

TICK = 0.02
"""Seconds between two looks at what should have closed."""
RULE_SECONDS_PER_TURN = 0.002
"""Seconds of rules a loop turn: traffic comes first."""
CLOSE_TRACE_TIMEOUT = 5.0
"""Seconds that a trace which is said to be over is given for what is still in flight."""


class Sidecar:
    """Built from settings; ``start`` listens, ``stop`` drains."""

    def __init__(self, settings: Settings, rules: Sequence[Rule], events: Events, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.draining = False
        self.port = 0
        self.rule_runner = RuleRunner(rules, settings, events)
        self._events = events
        self._clock = clock
        self._key = secrets.token_bytes(16)
        self.salt = salt_of(self._key)
        """Of the hashes of literals in spans."""
        self.upstream = Upstream(settings, clock)
        self.health = Health(self.upstream, events, clock)
        events.subscribe(self.health, UpstreamCalled)
        self.traces = TraceGrouper(_quiet(settings))
        self._catalog = CatalogReader(settings, events, self._apply_catalog)
        self.state_of_upstream: UpstreamState | None = None
        self.policy: ByRequest[Policy] | None = None
        self.retired: list[Policy] = []
        """Terms that a reload has ended, while somebody still waits under them."""
        self.server: DataServer | None = None
        self._forced = asyncio.Event()
        self._closed_traces: deque[Trace] = deque()
        """Traces that closed and are not judged yet."""
        self._running_rules: Iterator[None] = iter(())
        self._ticking: asyncio.Task[None] | None = None
        self._told_per_call = 0
        self._told_schema = ""
        self._ticks = 0

    async def start(self) -> Discovered:
        """Find out what upstream is, which is returned; bind, begin. ConfigError for an address taken or our own."""
        host, port = split_listen(self.settings.listen)
        self._refuse_ourselves(host, port)
        place = await discover(self.settings, self.upstream, self._events)
        route = Mount(place.mount.rstrip("/").encode(), place.base)
        self._events.subscribe(HeaderAdvice(self._events, place.gateway), UpstreamCalled, FellBack)
        memory = self.state_of_upstream = UpstreamState(
            self.settings, self.upstream, route, place.gateway, self._events, self._clock
        )
        await self._catalog.start()
        self.policy = _terms(self.settings, memory)
        self.server = DataServer(
            self.settings,
            self._head_rules(self.settings),
            Pipeline(self.settings, self.policy, memory, self.traces, self._key).handle,
            self._clock,
            self.upstream.open_endpoints,
            self._refused,
            route.on_mount,
        )
        try:
            self.port = await self.server.listen(host, port)
        except OSError as error:
            raise ConfigError(f"listen: cannot bind {self.settings.listen}: {error.strerror}") from error
        self._ticking = asyncio.create_task(self._tick())
        return place

    def apply_settings(self, settings: Settings) -> None:
        """From the next request on ``settings`` hold; what takes a restart is the same in them as before.

        Requests under way end under the terms that they began under. When this fails, the old settings stay.
        """
        if self.state_of_upstream is None or self.policy is None or self.server is None:
            raise ConfigError("settings cannot be changed before fanin is ready")
        terms, heads = _terms(settings, self.state_of_upstream), self._head_rules(settings)
        pipeline = Pipeline(settings, terms, self.state_of_upstream, self.traces, self._key)
        self.rule_runner.apply_settings(settings)
        self.state_of_upstream.apply_settings(settings)
        self.traces.settings = _quiet(settings)
        self.upstream.timeouts = settings.timeouts
        self.server.apply_settings(settings, heads, pipeline.handle)
        self.retired += self.policy.all
        self.settings, self.policy = settings, terms

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All terms that anybody may be under."""
        return (*(self.policy.all if self.policy else ()), *self.retired)

    @property
    def merger(self) -> Merger | None:
        """Who merges where nothing is overridden."""
        return self.policy.default.merger if self.policy else None

    @property
    def comparer(self) -> ShadowComparer | None:
        """Who compares where nothing is overridden."""
        return self.policy.default.comparer if self.policy else None

    @property
    def column_types(self) -> ColumnTypeResolver | None:
        return self.state_of_upstream.column_types if self.state_of_upstream else None

    def _apply_catalog(self, catalog: Catalog) -> None:
        if self.state_of_upstream is not None:
            self.state_of_upstream.column_types.apply_catalog(catalog, self._catalog.contradicted)

    def _head_rules(self, settings: Settings) -> HeadRules:
        identity = settings.identity
        host = self.upstream.address.authority if settings.upstream_host == "upstream" else b""
        return head_rules(host, settings.trace.headers, identity.also_neutral, identity.not_neutral, self._key)

    def force_stop(self) -> None:
        """Whoever is stopping waits for nobody any more."""
        self._forced.set()
        if self.server is not None:
            self.server.abort_all()

    async def stop(self) -> None:
        """Not ready, keep accepting for drain.delay, finish within drain.timeout."""
        self.draining = True
        for terms in self.policies:
            await terms.comparer.close()
        if self.server is not None:
            drain = self.settings.drain
            self.server.draining = True
            try:
                await asyncio.wait_for(self._forced.wait(), drain.delay)
            except TimeoutError:
                pass
            await self.server.close(0.0 if self._forced.is_set() else drain.timeout, drain.idle)
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        for _ in self._running_rules:
            pass
        for trace in (*self._closed_traces, *self.traces.drain()):
            self.rule_runner.run(trace)
        self.rule_runner.warn_of_unused_ignores()
        await self.health.stop()
        await self._catalog.stop()
        self.upstream.close()

    @property
    def state(self) -> str:
        """``starting``, ``ready`` or ``draining``."""
        if self.draining:
            return "draining"
        return "ready" if self.port else "starting"

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self._clock()
            for lane in (self.upstream.calls, self.upstream.others, self.upstream.shadows):
                lane.close_stale(now)
            began = now
            self._closed_traces += self.traces.sweep(now)
            while self._closed_traces:
                self._running_rules = self.rule_runner.steps(self._closed_traces.popleft())
                for _ in self._running_rules:
                    if self._clock() - began > RULE_SECONDS_PER_TURN:
                        await asyncio.sleep(0)
                        began = self._clock()
            self.rule_runner.inspect_workload(now)
            self._tell_per_call()
            self._tell_schema()
            self.retired = [terms for terms in self.retired if terms.busy]
            self.health.tick()
            self._ticks += 1

    async def close_trace(self, trace: str) -> bool:
        """Close the trace of that name and have it judged; False where some of it stays in flight."""
        until, judged = self._clock() + CLOSE_TRACE_TIMEOUT, 0
        while self._clock() < until:
            if judged and self._ticks >= judged:
                return True
            if not judged and self.traces.close_trace(trace):
                judged = self._ticks + 2  # the tick under way may have swept already
            await asyncio.sleep(TICK)
        return False

    def _tell_per_call(self) -> None:
        if self.traces.per_call_callers > self._told_per_call:
            self._told_per_call = self.traces.per_call_callers
            self._events.emit(
                Warned(
                    "a caller makes a new trace id for every call, so its traces are inferred from timing",
                    "Make one id per application request and send it with each of its calls.",
                )
            )

    def _tell_schema(self) -> None:
        said, set_ = (
            self.state_of_upstream.observer.first_schema if self.state_of_upstream else "",
            self.settings.catalog.schemas[0],
        )
        if said in ("", set_, self._told_schema):
            return
        self._told_schema = said
        self._events.emit(
            Warned(
                f"PostgREST's first schema is {said}, that of catalog.schemas is {set_}: relations have wrong names",
                "Set catalog.schemas to PostgREST's db-schemas, in its order.",
            )
        )

    def _refused(self, error: FaultError) -> None:
        self._events.emit(RequestRefused(error.fault.code))

    def _refuse_ourselves(self, host: str, port: int) -> None:
        address = self.upstream.address
        local = {host, "localhost", "127.0.0.1", "::1"}
        if port and address.port == port and address.host in local:
            raise ConfigError(f"upstream: {self.settings.upstream} is fanin's own listener; name PostgREST's address")


def _terms(settings: Settings, memory: UpstreamState) -> ByRequest[Policy]:
    fallbacks = asyncio.Semaphore(settings.merge.fallbacks)
    return ByRequest(settings, lambda found: Policy(found, memory, fallbacks))


def _quiet(settings: Settings) -> GroupingSettings:
    return msgspec.convert(settings.trace.model_dump(exclude={"headers"}), GroupingSettings)
