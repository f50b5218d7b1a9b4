"""One running fanin: creates its parts, runs the background tasks, reloads settings, stops."""

import asyncio
import secrets
from collections.abc import Callable, Sequence

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.errors.codes import FaultError
from proxy.merging.kept.fills import CachedReads
from proxy.merging.kept.trace_memory import TraceMemories
from proxy.observe.events import Events, FellBack, RequestRefused, UpstreamCalled, Warned
from proxy.path.reading.identity import HeadRules, head_rules
from proxy.postgrest.catalog import Catalog
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.postgrest.response.gateway import Gateway
from proxy.recording.codec import salt_of
from proxy.server.server import DataServer, ServerContext
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.settings.sources import ConfigError
from proxy.sidecar.descriptor_monitor import DescriptorMonitor
from proxy.sidecar.pipeline import Pipeline, RequestTraces
from proxy.sidecar.policy import RequestPolicy, policies
from proxy.sidecar.rediscovery import Rediscovery
from proxy.sidecar.rule_runner import RuleRunner
from proxy.sidecar.trace_closer import TraceCloser
from proxy.traces.grouping import GroupingSettings, TraceGrouper
from proxy.transport.address import parse_address, split_listen
from proxy.transport.listener import bind_error
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.client import Upstream
from proxy.upstream.facts.access_reader import AccessReader
from proxy.upstream.facts.catalog import CatalogReader
from proxy.upstream.facts.discovery import Discovered, discover, failed_discovery
from proxy.upstream.facts.header_advice import HeaderAdvice
from proxy.upstream.facts.openapi_reader import OpenApiReader
from proxy.upstream.facts.write_notifications import WriteListener
from proxy.upstream.health import Health
from proxy.upstream.mount import Mount
from proxy.upstream.state import UpstreamState

TICK = 0.02
"""Seconds between two runs of the background tasks."""


class Sidecar:
    """Make one with ``create``. ``start`` listens, ``stop`` drains."""

    def __init__(
        self, settings: Settings, rules: Sequence[AnyRule], context: UpstreamContext, discovered: Discovered
    ) -> None:
        """Use ``create`` instead, which first finds out what upstream is."""
        self.settings = settings
        self.discovered = discovered
        self.draining = self.listening = False
        self.port = 0
        """The port for clients; 0 before ``start``, and for a unix socket."""
        self._trace_header = b""
        self._events, self._clock = context.events, context.clock
        self._key = secrets.token_bytes(16)
        self.salt = salt_of(self._key)
        """Key for the hashes of literals in spans."""
        self.upstream = context.client
        self.upstream_state = UpstreamState(settings, context)
        self.rule_runner = RuleRunner(rules, settings, self._events)
        self.traces = TraceGrouper(_grouping(settings))
        self.closer = TraceCloser(self.traces, self.rule_runner, self._clock)
        self.health = Health(self.upstream, self._events, self._clock)
        self._events.subscribe(self.health, UpstreamCalled)
        self._advice = HeaderAdvice(self._events, context.gateway)
        self._events.subscribe(self._advice, UpstreamCalled, FellBack)
        self._rediscovery = Rediscovery(discovered, self.upstream, self.health, self._apply_discovery, self._events)
        if discovered.failure is not None:
            self.health.failed(discovered.failure)
        self._known_catalog: Catalog | None = None
        self._catalog = CatalogReader(settings, self._events, self._apply_catalog)
        self.write_listener = WriteListener(settings, self.upstream_state)
        self._openapi = OpenApiReader(settings, lambda: self.upstream_state.context, self._apply_facts)
        self.memories = TraceMemories(
            settings.prefetch.max_bytes, settings.prefetch.max_trace_bytes, settings.prefetch.max_flows
        )
        self.traces.on_closed = lambda trace: self.memories.forget(trace, self._clock())
        self.cached = CachedReads(settings.cache.max_bytes)
        self.access_reader = AccessReader(settings, self.upstream_state, self.cached.sharing)
        self.policy = policies(settings, self.upstream_state, self.memories, self.cached)
        self.retired: list[RequestPolicy] = []
        """Policies that a reload has replaced, as long as a request waits under them."""
        self.server = DataServer(
            settings,
            self._head_rules(settings),
            self._pipeline(settings, self.policy).handle,
            ServerContext(
                self._clock,
                self.upstream.open_endpoints,
                self._on_refused,
                self._on_mount,
                self._without_alias if settings.mount_alias else None,
            ),
        )
        self.descriptors = DescriptorMonitor(self.upstream, self._events, self._clock)
        self._forced = asyncio.Event()
        self._background: asyncio.Task[None] | None = None
        self._warned_per_call, self._warned_schema = False, ""
        self._warned_max_rows: int | None = None

    @classmethod
    async def create(
        cls, settings: Settings, rules: Sequence[AnyRule], events: Events, clock: Callable[[], float]
    ) -> "Sidecar":
        """Find out what upstream is, and create the parts. ConfigError if upstream is fanin's own address."""
        _check_upstream_is_not_self(settings)
        unasked = Warned(
            "upstream sent bytes that belong to no answer; its connections are not reused for a while",
            "Find the server or proxy behind --upstream that sends an answer twice, or a body with a 204 or to HEAD.",
        )
        upstream = Upstream(settings, clock, lambda: events.emit(unasked))
        discovered = await discover(settings, upstream)
        if discovered.failure is not None:
            events.emit(failed_discovery(discovered.failure))
        gateway = _gateway(discovered, settings)
        context = UpstreamContext(upstream, upstream.calls, _mount(discovered, settings), gateway, events, clock)
        return cls(settings, rules, context, discovered)

    async def start(self) -> None:
        """Read the catalog, and listen. ConfigError if the address cannot be bound."""
        await self._catalog.start()
        self._listen_for_writes()
        await self.write_listener.started()
        await self.access_reader.started()
        self._openapi.start()
        try:
            self.port = await self.server.listen(self.settings.listen)
        except OSError as error:
            raise bind_error("listen", self.settings.listen, error) from error
        self.listening = True
        self._background = asyncio.create_task(self._run_background())

    def apply_settings(self, settings: Settings) -> None:
        """Use ``settings`` from the next request on. Those that need a restart must be unchanged.

        Requests in progress keep their policies. If this raises, the old settings stay in use.
        """
        policy = policies(settings, self.upstream_state, self.memories, self.cached)
        heads = self._head_rules(settings)
        handler = self._pipeline(settings, policy).handle
        self.rule_runner.apply_settings(settings)
        self.upstream_state.apply_settings(settings)
        self.traces.settings = _grouping(settings)
        self.upstream.apply_timeouts(settings.timeouts)
        self.server.apply_settings(settings, heads, handler)
        self.memories.clear(self._clock())
        self.cached.clear()
        self.retired += self.policy.all
        self.settings, self.policy = settings, policy
        self._listen_for_writes()

    @property
    def policies(self) -> tuple[RequestPolicy, ...]:
        """All policies, including replaced ones that requests still use."""
        return (*self.policy.all, *self.retired)

    @property
    def state(self) -> str:
        """``starting``, ``ready`` or ``draining``."""
        if self.draining:
            return "draining"
        return "ready" if self.listening else "starting"

    def force_stop(self) -> None:
        """Abort all client connections, so that ``stop`` does not wait for them."""
        self._forced.set()
        self.server.abort_all()

    async def stop(self) -> None:
        """Report ``draining`` and accept requests for drain.delay seconds, then finish within drain.timeout seconds."""
        self.draining = self.server.draining = True
        for policy in self.policies:
            await policy.comparer.close()
        await self.cached.close()
        if self.listening:
            drain = self.settings.drain
            try:
                await asyncio.wait_for(self._forced.wait(), drain.delay)
            except TimeoutError:
                pass
            await self.server.close(0.0 if self._forced.is_set() else drain.timeout, drain.idle)
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)
        self.closer.finish()
        self.rule_runner.warn_of_unused_ignores()
        await self._rediscovery.stop()
        await self.health.stop()
        await self._openapi.stop()
        await self._catalog.stop()
        await self.write_listener.stop()
        await self.access_reader.stop()
        self.upstream.close()

    async def _run_background(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self._clock()
            for pool in (self.upstream.calls, self.upstream.others, self.upstream.shadows):
                pool.close_stale(now)
            await self.closer.run(now)
            self._warn_of_trace_ids_per_call()
            self._warn_of_first_schema()
            self._learn_trace_header()
            self._warn_of_max_rows()
            self.retired = [policy for policy in self.retired if policy.busy]
            self.health.tick()
            self._rediscovery.tick(self.settings)
            self.descriptors.check()

    def _pipeline(self, settings: Settings, policy: ByRequest[RequestPolicy]) -> Pipeline:
        return Pipeline(settings, policy, self.upstream_state, RequestTraces(self.traces, self.memories), self._key)

    def _apply_catalog(self, catalog: Catalog) -> None:
        """Use a catalog. What is known against relations stays in use while the catalog cannot be read."""
        schema = msgspec.structs.replace(catalog, updated={})
        if catalog.read and schema != self._known_catalog:  # it is read again now and then, though nothing changed
            self._known_catalog = schema
            self.upstream_state.trust.forget()
            self.upstream_state.order_trust.forget()
            self.upstream_state.drop_all("schema")
            self.upstream_state.unsafe_reads.apply(catalog.hazards)
            self.rule_runner.facts = catalog.facts
        self.upstream_state.dependencies = catalog.dependencies
        self.upstream_state.plain_tables = catalog.plain_tables
        self.upstream_state.updated_in_place = catalog.updated
        self.upstream_state.column_types.apply_catalog(catalog, self._catalog.invalidate)

    def _listen_for_writes(self) -> None:
        self.write_listener.listen(any(policy.keeps_answers for policy in self.policy.all))
        self.access_reader.read(any(policy.shares_answers for policy in self.policy.all))

    def _apply_facts(self, facts: DatabaseFacts) -> None:
        self.rule_runner.facts = facts

    def _on_mount(self, target: bytes) -> bool:
        mount = self.upstream_state.context.mount
        return mount.on_mount(mount.without_alias(target) if mount.alias else target)

    def _without_alias(self, target: bytes) -> bytes:
        return self.upstream_state.context.mount.without_alias(target)

    def _apply_discovery(self, discovered: Discovered) -> None:
        gateway = _gateway(discovered, self.settings)
        self.discovered, self._advice.gateway = discovered, gateway
        self.upstream_state.apply_discovery(_mount(discovered, self.settings), gateway)
        self.upstream_state.drop_all("upstream")
        self.apply_settings(self.settings)  # new policies and a new pipeline; requests in progress keep theirs

    def _head_rules(self, settings: Settings) -> HeadRules:
        identity = settings.identity
        host = self.upstream.address.authority if settings.upstream_host == "upstream" else b""
        neutral = identity.also_neutral + ((trace_header,) if (trace_header := self._trace_header.decode()) else ())
        rules = head_rules(host, settings.trace.headers, neutral, identity.not_neutral, self._key)
        return msgspec.structs.replace(rules, forwards_names=settings.trace.forward)

    def _learn_trace_header(self) -> None:
        """Callers may differ in the header that PostgREST's server-trace-header names: each gets its own value back."""
        if self._trace_header != self.upstream_state.observer.trace_header:
            self._trace_header = self.upstream_state.observer.trace_header
            self.server.use_head_rules(self._head_rules(self.settings))

    def _warn_of_trace_ids_per_call(self) -> None:
        if self.traces.per_call_callers and not self._warned_per_call:
            self._warned_per_call = True
            self._events.emit(
                Warned(
                    "clients send a new trace id with every call, so their traces are inferred from caller and timing",
                    "Send one trace id per application request, the same with each of its calls; or name only headers "
                    f"with such ids in trace.headers, now {', '.join(self.settings.trace.headers)}.",
                )
            )

    def _warn_of_first_schema(self) -> None:
        schema, configured = self.upstream_state.observer.first_schema, self.settings.catalog.schemas[0]
        if schema in ("", configured, self._warned_schema):
            return
        self._warned_schema = schema
        self._events.emit(
            Warned(
                f"PostgREST's first schema is {schema}, but the first of catalog.schemas is {configured}: "
                "relations get wrong names",
                "Set catalog.schemas to PostgREST's db-schemas, in the same order.",
            )
        )

    def _warn_of_max_rows(self) -> None:
        rows = self.upstream_state.max_rows.refuted_by
        if rows is not None and rows != self._warned_max_rows:
            self._events.emit(
                Warned(
                    f"PostgREST's db-max-rows is {rows}, and merge.max_rows is {self.settings.merge.max_rows}",
                    "Merged calls are counted until the settings are read again. Set merge.max_rows to db-max-rows.",
                )
            )
        self._warned_max_rows = rows

    def _on_refused(self, error: FaultError) -> None:
        self._events.emit(RequestRefused(error.fault.code))


def _check_upstream_is_not_self(settings: Settings) -> None:
    host, port = split_listen(settings.listen)
    address = parse_address(settings.upstream)
    same_port = port > 0 and address.port == port and address.host in {host, "localhost", "127.0.0.1", "::1"}
    if same_port or (address.unix and address.unix == host):
        raise ConfigError(f"upstream: {settings.upstream} is fanin's own listener: set PostgREST's address")


def _mount(discovered: Discovered, settings: Settings) -> Mount:
    return Mount(discovered.mount.rstrip("/").encode(), discovered.base, settings.mount_alias.encode())


def _gateway(discovered: Discovered, settings: Settings) -> Gateway:
    """What is known of the headers of the gateway, with those that ``merge.same_headers`` names."""
    same = frozenset(name.lower().encode() for name in settings.merge.same_headers)
    return msgspec.structs.replace(discovered.gateway, same=same)


def _grouping(settings: Settings) -> GroupingSettings:
    return msgspec.convert(settings.trace.model_dump(exclude={"headers", "forward"}), GroupingSettings)
