"""One running fanin: its parts put together, its background work, its end."""

import asyncio
import secrets
from collections.abc import Callable, Sequence

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.errors.codes import FaultError
from proxy.observe.events import Events, FellBack, RequestRefused, UpstreamCalled, Warned
from proxy.path.identity import HeadRules, head_rules
from proxy.postgrest.catalog import Catalog
from proxy.recording.codec import salt_of
from proxy.server.server import DataServer, ServerContext
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.settings.sources import ConfigError
from proxy.sidecar.pipeline import Pipeline
from proxy.sidecar.policy import Policy, policies
from proxy.sidecar.rule_runner import RuleRunner
from proxy.sidecar.trace_closer import TraceCloser
from proxy.traces.grouping import GroupingSettings, TraceGrouper
from proxy.transport.address import parse_address, split_listen
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.catalog import CatalogReader
from proxy.upstream.client import Upstream
from proxy.upstream.discovery import Discovered, discover
from proxy.upstream.header_advice import HeaderAdvice
from proxy.upstream.health import Health
from proxy.upstream.mount import Mount
from proxy.upstream.state import UpstreamState

TICK = 0.02
"""Seconds between two rounds of background work."""


class Sidecar:
    """Built by ``create``; ``start`` listens, ``stop`` drains."""

    def __init__(
        self, settings: Settings, rules: Sequence[AnyRule], context: UpstreamContext, found: Discovered
    ) -> None:
        """``create`` is for everybody else: what upstream is has to be found out first."""
        self.settings = settings
        self.discovered = found
        self.draining = False
        self.port = 0
        self._events, self._clock = context.events, context.clock
        self._key = secrets.token_bytes(16)
        self.salt = salt_of(self._key)
        """Key of the hashes of literals in spans."""
        self.upstream = context.client
        self.state_of_upstream = UpstreamState(settings, context)
        self.rule_runner = RuleRunner(rules, settings, self._events)
        self.traces = TraceGrouper(_grouping(settings))
        self.closer = TraceCloser(self.traces, self.rule_runner, self._clock)
        self.health = Health(self.upstream, self._events, self._clock)
        self._events.subscribe(self.health, UpstreamCalled)
        self._events.subscribe(HeaderAdvice(self._events, context.gateway), UpstreamCalled, FellBack)
        self._catalog = CatalogReader(settings, self._events, self._apply_catalog)
        self.policy = policies(settings, self.state_of_upstream)
        self.retired: list[Policy] = []
        """Policies that a reload has replaced, while a request still waits under them."""
        self.server = DataServer(
            settings,
            self._head_rules(settings),
            self._pipeline(settings, self.policy).handle,
            ServerContext(self._clock, self.upstream.open_endpoints, self._refused, context.mount.on_mount),
        )
        self._forced = asyncio.Event()
        self._ticking: asyncio.Task[None] | None = None
        self._warned_per_call = 0
        self._warned_schema = ""

    @classmethod
    async def create(
        cls, settings: Settings, rules: Sequence[AnyRule], events: Events, clock: Callable[[], float]
    ) -> "Sidecar":
        """Find out what upstream is, and put the parts together. ConfigError when upstream is fanin's own address."""
        _refuse_own_address(settings)
        upstream = Upstream(settings, clock)
        found = await discover(settings, upstream, events)
        mount = Mount(found.mount.rstrip("/").encode(), found.base)
        context = UpstreamContext(upstream, upstream.calls, mount, found.gateway, events, clock)
        return cls(settings, rules, context, found)

    async def start(self) -> None:
        """Listen. ConfigError for an address that is taken."""
        host, port = split_listen(self.settings.listen)
        await self._catalog.start()
        try:
            self.port = await self.server.listen(host, port)
        except OSError as error:
            raise ConfigError(f"listen: cannot bind {self.settings.listen}: {error.strerror}") from error
        self._ticking = asyncio.create_task(self._tick())

    def apply_settings(self, settings: Settings) -> None:
        """From the next request on ``settings`` hold; what takes a restart is the same in them as before.

        Requests under way end under the policies that they began under. When this fails, the old settings stay.
        """
        policy, heads = policies(settings, self.state_of_upstream), self._head_rules(settings)
        handler = self._pipeline(settings, policy).handle
        self.rule_runner.apply_settings(settings)
        self.state_of_upstream.apply_settings(settings)
        self.traces.settings = _grouping(settings)
        self.upstream.timeouts = settings.timeouts
        self.server.apply_settings(settings, heads, handler)
        self.retired += self.policy.all
        self.settings, self.policy = settings, policy

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All policies that a request may be under."""
        return (*self.policy.all, *self.retired)

    @property
    def state(self) -> str:
        """``starting``, ``ready`` or ``draining``."""
        if self.draining:
            return "draining"
        return "ready" if self.port else "starting"

    def force_stop(self) -> None:
        """Wait no more for clients while stopping."""
        self._forced.set()
        self.server.abort_all()

    async def stop(self) -> None:
        """Not ready, keep accepting for drain.delay, finish within drain.timeout."""
        self.draining = self.server.draining = True
        for policy in self.policies:
            await policy.comparer.close()
        if self.port:
            drain = self.settings.drain
            try:
                await asyncio.wait_for(self._forced.wait(), drain.delay)
            except TimeoutError:
                pass
            await self.server.close(0.0 if self._forced.is_set() else drain.timeout, drain.idle)
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        self.closer.finish()
        self.rule_runner.warn_of_unused_ignores()
        await self.health.stop()
        await self._catalog.stop()
        self.upstream.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self._clock()
            for pool in (self.upstream.calls, self.upstream.others, self.upstream.shadows):
                pool.close_stale(now)
            await self.closer.run(now)
            self.rule_runner.inspect_workload(now)
            self._warn_of_ids_per_call()
            self._warn_of_schema()
            self.retired = [policy for policy in self.retired if policy.busy]
            self.health.tick()

    def _pipeline(self, settings: Settings, policy: ByRequest[Policy]) -> Pipeline:
        return Pipeline(settings, policy, self.state_of_upstream, self.traces, self._key)

    def _apply_catalog(self, catalog: Catalog) -> None:
        self.state_of_upstream.column_types.apply_catalog(catalog, self._catalog.contradicted)

    def _head_rules(self, settings: Settings) -> HeadRules:
        identity = settings.identity
        host = self.upstream.address.authority if settings.upstream_host == "upstream" else b""
        return head_rules(host, settings.trace.headers, identity.also_neutral, identity.not_neutral, self._key)

    def _warn_of_ids_per_call(self) -> None:
        if self.traces.per_call_callers > self._warned_per_call:
            self._warned_per_call = self.traces.per_call_callers
            self._events.emit(
                Warned(
                    "a caller makes a new trace id for every call, so its traces are inferred from timing",
                    "Make one id per application request and send it with each of its calls.",
                )
            )

    def _warn_of_schema(self) -> None:
        schema, configured = self.state_of_upstream.observer.first_schema, self.settings.catalog.schemas[0]
        if schema in ("", configured, self._warned_schema):
            return
        self._warned_schema = schema
        self._events.emit(
            Warned(
                f"PostgREST's first schema is {schema}, that of catalog.schemas is {configured}: "
                "relations have wrong names",
                "Set catalog.schemas to PostgREST's db-schemas, in its order.",
            )
        )

    def _refused(self, error: FaultError) -> None:
        self._events.emit(RequestRefused(error.fault.code))


def _refuse_own_address(settings: Settings) -> None:
    host, port = split_listen(settings.listen)
    address = parse_address(settings.upstream)
    if port and address.port == port and address.host in {host, "localhost", "127.0.0.1", "::1"}:
        raise ConfigError(f"upstream: {settings.upstream} is fanin's own listener; name PostgREST's address")


def _grouping(settings: Settings) -> GroupingSettings:
    return msgspec.convert(settings.trace.model_dump(exclude={"headers"}), GroupingSettings)
