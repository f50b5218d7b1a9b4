"""The pages and the API of one running fanin, and the traces that it stores for them.

Tests: tests/e2e/pages/test_api.py.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import msgspec

from proxy import __version__
from proxy.admin.cache_views import cache_view
from proxy.admin.event_stream import EventStream
from proxy.admin.flow_views import flow_views
from proxy.admin.gauges import KEPT, SIDECAR, VIEWERS, limits
from proxy.admin.har import har_of
from proxy.admin.json_stream import array, object_of
from proxy.admin.not_merged import not_merged_views
from proxy.admin.page_files import page_files
from proxy.admin.route_times import MINUTES, RouteTimes
from proxy.admin.routes import ApiHandler, count_in, routes
from proxy.admin.usage_views import rule_view, stored_finding_views, usage_views
from proxy.admin.views import detail_of, summary_of
from proxy.analysis.rule import AnyRule
from proxy.findings.prompt import prompt
from proxy.merging.lone_reads import RULE, remedy, what
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Events, TraceClosed, Warned
from proxy.observe.series import Reading, readings
from proxy.recording.codec import encode_line, trace_pieces
from proxy.recording.recorder import NameRedactor
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from proxy.settings.model import Settings
from proxy.settings.resources import LimitSettings
from proxy.sidecar.sidecar import Sidecar
from proxy.traces.store import StoredTrace, TraceStore, WarningStore
from proxy.transport.descriptors import share_for_admin

PAUSE = 0.2
"""Seconds between two messages of the event stream; one message has all traces that closed in between."""
MAX_TRACES = 100
"""Maximum number of traces in one message; the others are only counted."""

ALL = 10**12
"""A limit that is above any number."""

QueryParameters = Mapping[str, str]
encode = msgspec.json.encode


class Console:
    """Subscribes to events and answers the pages and the API. ``settings`` returns the effective settings."""

    def __init__(
        self, sidecar: Sidecar, events: Events, rules: Sequence[AnyRule], settings: Callable[[], Settings]
    ) -> None:
        current = settings()
        self._sidecar = sidecar
        self._rules = rules
        self._settings = settings
        self._epoch = time.time() - time.monotonic()
        bounds, names = current.detect, ConfirmedNames(everything=current.show_values)
        self._store = TraceStore(bounds.traces, bounds.spans, bounds.keys, names, time.time, bounds.max_bytes)
        self._store.on_stored = self._on_closed
        self._notices = WarningStore(time.time)
        self._route_times = RouteTimes(time.monotonic)
        pages = page_files()
        self._event_stream = EventStream(_viewers(current.limits), encode({"pages": pages.version, "run": time.time()}))
        self._pending: list[int] = []
        """Numbers of traces, not traces: the store bounds the bytes of traces."""
        self._skipped = 0
        self._publisher: asyncio.Task[None] | None = None
        events.subscribe(self._store, TraceClosed)
        events.subscribe(self._notices, Warned)
        events.subscribe(self._route_times, TraceClosed)
        answers: dict[str, ApiHandler] = {
            "/api/traces": self._traces,
            "/api/traces/{id:.+}/har": self._har,
            "/api/traces/{id:.+}": self._trace,
            "/api/routes": self._routes,
            "/api/flows": self._flows,
            "/api/cache": self._cache,
            "/api/fingerprints": self._fingerprints,
            "/api/findings": self._findings,
            "/api/prompt": self._prompt,
            "/api/health": self._health,
            "/api/recording": self._recording,
        }
        changes: dict[str, ApiHandler] = {
            "/api/traces/{id:.+}/close": self._close_trace,
            "/api/cache/{relation}/purge": self._purge,
        }
        self.routes = routes(answers, changes, pages.by_path, self._event_stream, events)

    def readings(self) -> list[Reading]:
        """Present values of the metrics of the trace store and the event stream."""
        return [*readings(KEPT, self._store), *readings(VIEWERS, self._event_stream)]

    async def close(self) -> None:
        """Disconnect the readers of the event stream."""
        self._event_stream.close()
        if self._publisher is not None:
            self._publisher.cancel()
            await asyncio.gather(self._publisher, return_exceptions=True)

    # The event stream.

    def _on_closed(self, entry: StoredTrace) -> None:
        if not len(self._event_stream):
            return
        if len(self._pending) < MAX_TRACES:
            self._pending.append(entry.number)
        else:
            self._skipped += 1
        if self._publisher is None or self._publisher.done():
            self._publisher = asyncio.get_running_loop().create_task(self._publish())

    async def _publish(self) -> None:
        while self._pending:
            entries = [entry for number in self._pending if (entry := self._store.find(str(number))) is not None]
            skipped = self._skipped + len(self._pending) - len(entries)
            self._pending, self._skipped = [], 0
            rows = []
            for entry in entries:
                rows.append(encode(summary_of(entry, self._store.names)))
                await asyncio.sleep(0)
            self._event_stream.publish("traces", b'{"traces":[%b],"skipped":%d}' % (b",".join(rows), skipped))
            await asyncio.sleep(PAUSE)

    # The API. Answers are made in pieces while they are sent. A trace that is evicted meanwhile is left out.

    async def _traces(self, query: QueryParameters) -> Iterable[bytes]:
        rows = (summary_of(entry, self._store.names) for entry in self._page(query) if _has_id(entry, query))
        return object_of({"traces": array(rows), "dropped": self._store.dropped})

    async def _trace(self, query: QueryParameters) -> Iterable[bytes] | None:
        entry = self._store.find(query["id"])
        return None if entry is None else detail_of(entry, self._store.names, self._base, self._origin)

    async def _har(self, query: QueryParameters) -> Iterable[bytes] | None:
        entry = self._store.find(query["id"])
        return None if entry is None else har_of(entry, self._store.names, self._base, self._origin, self._epoch)

    async def _routes(self, _: QueryParameters) -> Iterable[bytes]:
        return object_of({"routes": array(self._route_times.views()), "minutes": MINUTES})

    async def _flows(self, _: QueryParameters) -> Iterable[bytes]:
        now = self._sidecar.upstream_state.context.clock()
        views = flow_views(self._sidecar.memories.flows, self._store.names, now)
        return object_of({"flows": array(views), "level": self._settings().rules.fan002})

    async def _cache(self, query: QueryParameters) -> Iterable[bytes]:
        skip, limit = count_in(query, "offset", 0), count_in(query, "limit", ALL)
        return object_of(cache_view(self._sidecar.cached, self._sidecar.policy, skip, limit))

    async def _close_trace(self, query: QueryParameters) -> Iterable[bytes]:
        """Close a trace because its client says that it has ended; returns all its parts, the oldest first."""
        closed = await self._sidecar.closer.close_trace(query["id"])
        entries = (entry for entry in self._page({}, oldest_first=True) if entry.trace.explicit)
        parts = (
            detail_of(entry, self._store.names, self._base, self._origin) for entry in entries if _has_id(entry, query)
        )
        return object_of({"open": not closed, "parts": array(parts)})

    async def _purge(self, query: QueryParameters) -> Iterable[bytes]:
        """Forget the kept answers that may depend on a relation; returns their number."""
        schema = self._settings().catalog.schemas[0]
        return object_of({"purged": self._sidecar.cached.purge(query["relation"], schema)})

    async def _fingerprints(self, query: QueryParameters) -> Iterable[bytes]:
        workload, names = self._sidecar.rule_runner.workload, self._store.names
        began, skip, limit = workload.began, count_in(query, "offset", 0), count_in(query, "limit", ALL)
        usages = [usage for usage in workload if names.may_show(usage.fingerprint)]
        rows = islice(usage_views(usages, names, self._base, self._epoch), skip, skip + limit)
        since = None if began is None else began + self._epoch
        return object_of({"fingerprints": array(rows), "since": since, "replaced": workload.replaced})

    async def _findings(self, _: QueryParameters) -> Iterable[bytes]:
        names, level = self._store.names, self._settings().rules.level
        stored = [stored for stored in self._sidecar.rule_runner.findings if names.shown_findings([stored.finding])]
        rules = [rule_view(rule, level(rule.code)) for rule in self._rules]
        not_merged = array(not_merged_views(self._sidecar.upstream_state, names, self._epoch))
        views = array(stored_finding_views(stored, self._epoch))
        notes = array(self._notes({one.finding.object.name for one in stored if one.finding.object is not None}))
        return object_of({"findings": views, "rules": array(rules), "not_merged": not_merged, "notes": notes})

    async def _prompt(self, query: QueryParameters) -> Iterable[bytes] | None:
        """A finding as a prompt, by its key."""
        found = [stored.finding for stored in self._sidecar.rule_runner.findings]
        shown = (one for one in self._store.names.shown_findings(found) if one.key == query.get("key"))
        finding = next(shown, None)
        return None if finding is None else object_of({"prompt": prompt(finding)})

    def _notes(self, found: Collection[str]) -> Iterator[Mapping[str, str]]:
        """What is wrong with headers that no finding names yet, because rules look at them later, or at no trace."""
        state = self._sidecar.upstream_state
        if self._settings().rules.level(RULE) == "off":
            return
        for names in state.differing_headers.reported:
            if names not in found:
                yield {"what": what(names), "remedy": remedy(names, state.also_neutral)}

    async def _recording(self, query: QueryParameters) -> Iterable[bytes]:
        """The stored traces as a recording, the oldest first."""
        hide = NameRedactor(self._store.names)
        head = RecordingHead(CURRENT_FORMAT, __version__, self._sidecar.salt.hex(), self._epoch)
        entries = self._page(query, oldest_first=True)
        lines = (piece for entry in entries for piece in trace_pieces(entry.trace, hide))
        return chain([encode_line(head)], lines)

    def _page(self, query: QueryParameters, oldest_first: bool = False) -> Iterator[StoredTrace]:
        """The stored traces, the newest first: at most ``limit``, of those with numbers below ``before``."""
        before, limit = count_in(query, "before", ALL), count_in(query, "limit", ALL)
        numbers = [number for number in reversed(self._store.numbers()) if number < before][:limit]
        found = (self._store.find(str(number)) for number in (reversed(numbers) if oldest_first else numbers))
        return (entry for entry in found if entry is not None)

    async def _health(self, _: QueryParameters) -> Iterable[bytes]:
        settings, current = self._settings(), [*readings(SIDECAR, self._sidecar), *self.readings()]
        unlabelled = [
            {"name": reading.name, "value": reading.value, "help": reading.series.help, "kind": reading.series.kind}
            for reading in current
            if not isinstance(reading.value, Mapping)
        ]
        return object_of(
            {
                "version": __version__,
                "state": self._sidecar.state,
                "mode": settings.mode,
                "upstream": settings.upstream,
                "upstream_up": self._sidecar.health.up,
                "write_notifications": self._sidecar.write_listener.status,
                "base": self._base,
                "shows_values": settings.show_values,
                "gauges": unlabelled,
                "limits": {name: value for (name,), value in limits(self._sidecar.settings).items()},
                "warnings": self._notices.all(),
            }
        )

    @property
    def _origin(self) -> str:
        """URL of fanin for clients on this machine."""
        host, _, port = self._settings().listen.rpartition(":")
        if not port.isdecimal():  # a unix socket
            return "http://localhost"
        everywhere = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 – compared, not bound
        return f"http://{everywhere.get(host, host)}:{self._sidecar.port}"

    @property
    def _base(self) -> str:
        return self._origin + self._sidecar.upstream_state.context.mount.mount.decode()


def _has_id(entry: StoredTrace, query: QueryParameters) -> bool:
    return query.get("id", entry.trace.id) == entry.trace.id


def _viewers(limits: LimitSettings) -> int:
    """The most readers of the event stream. They leave places of the admin port to probes and to scrapes."""
    return max(1, min(limits.viewers, share_for_admin(limits.admin_connections) // 2))
