"""The pages and the API of one running fanin: what it keeps for them, and what they answer.

Tests: tests/e2e/pages/test_api.py.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from proxy import __version__
from proxy.admin.event_stream import EventStream
from proxy.admin.gauges import KEPT, SIDECAR, VIEWERS, limits
from proxy.admin.page_files import page_files
from proxy.admin.routes import Answers, routes
from proxy.admin.usage_views import rule_view, stored_finding_views, usage_views
from proxy.admin.views import detail_of, summary_of
from proxy.analysis.rule import AnyRule
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Events, TraceClosed, Warned
from proxy.observe.series import Reading, readings
from proxy.recording.codec import encode_line, encode_trace
from proxy.recording.recorder import NameRedactor
from proxy.recording.schema import FORMAT, RecordingHead
from proxy.settings.model import Settings
from proxy.sidecar.sidecar import Sidecar
from proxy.traces.store import StoredTrace, TraceStore, WarningStore

PAUSE = 0.2
"""Seconds between two messages to readers: what closed in between is told together."""
MOST = 100
"""Traces in one message; of more only the number is told."""

QueryParameters = Mapping[str, str]
encode = msgspec.json.encode


class Console:
    """An observer with something to show. ``settings`` tells those in force."""

    def __init__(
        self, sidecar: Sidecar, events: Events, rules: Sequence[AnyRule], settings: Callable[[], Settings]
    ) -> None:
        made = settings()
        self._sidecar = sidecar
        self._rules = rules
        self._settings = settings
        self._epoch = time.time() - time.monotonic()
        bounds, names = made.detect, ConfirmedNames(everything=made.show_values)
        self._kept = TraceStore(bounds.traces, bounds.spans, bounds.keys, names, time.time)
        self._kept.on_stored = self._closed
        self._notices = WarningStore(time.time)
        pages = page_files()
        self._feed = EventStream(made.limits.viewers, encode({"pages": pages.version, "run": time.time()}))
        self._news: list[StoredTrace] = []
        self._skipped = 0
        self._telling: asyncio.Task[None] | None = None
        events.subscribe(self._kept, TraceClosed)
        events.subscribe(self._notices, Warned)
        answers: dict[str, Answers] = {
            "/api/traces": self._traces,
            "/api/traces/{id:.+}": self._trace,
            "/api/fingerprints": self._fingerprints,
            "/api/findings": self._findings,
            "/api/health": self._health,
            "/api/recording": self._recording,
        }
        changes: dict[str, Answers] = {"/api/traces/{id:.+}/close": self._close_trace}
        self.routes = routes(answers, changes, pages.by_path, self._feed, events)

    def readings(self) -> list[Reading]:
        """What is kept and followed now."""
        return [*readings(KEPT, self._kept), *readings(VIEWERS, self._feed)]

    async def close(self) -> None:
        """Let go of whoever follows."""
        self._feed.close()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)

    # News.

    def _closed(self, entry: StoredTrace) -> None:
        if not len(self._feed):
            return
        if len(self._news) < MOST:
            self._news.append(entry)
        else:
            self._skipped += 1
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while self._news:
            news, skipped = self._news, self._skipped
            self._news, self._skipped = [], 0
            self._feed.publish("traces", await asyncio.to_thread(_news, news, skipped, self._kept.names))
            await asyncio.sleep(PAUSE)

    # Answers. What changes is copied here, and made into JSON in a thread.

    async def _traces(self, query: QueryParameters) -> bytes:
        entries = [entry for entry in self._kept.all() if entry.trace.id == query.get("id", entry.trace.id)]
        dropped, names = self._kept.dropped, self._kept.names
        return await asyncio.to_thread(
            lambda: encode({"traces": [summary_of(entry, names) for entry in entries], "dropped": dropped})
        )

    async def _trace(self, query: QueryParameters) -> bytes | None:
        entry, origin = self._kept.find(query["id"]), self._origin
        if entry is None:
            return None
        return await asyncio.to_thread(lambda: encode(detail_of(entry, self._kept.names, self._base, origin)))

    async def _close_trace(self, query: QueryParameters) -> bytes:
        """All parts of the trace, the oldest first, now that its client says that it is over."""
        name, origin = query["id"], self._origin
        closed = await self._sidecar.closer.close_trace(name)
        entries = [entry for entry in self._kept.all()[::-1] if entry.trace.explicit and entry.trace.id == name]
        names, base = self._kept.names, self._base
        return await asyncio.to_thread(
            lambda: encode({"open": not closed, "parts": [detail_of(entry, names, base, origin) for entry in entries]})
        )

    async def _fingerprints(self, _: QueryParameters) -> bytes:
        workload, epoch = self._sidecar.rule_runner.workload, self._epoch
        began, replaced, has = workload.began, workload.replaced, self._kept.names.has
        usages = [usage for usage in workload if has(usage.fingerprint)]

        def made() -> bytes:
            rows = usage_views(usages, self._kept.names, self._base, epoch)
            since = None if began is None else began + epoch
            return encode({"fingerprints": rows, "since": since, "replaced": replaced})

        return await asyncio.to_thread(made)

    async def _findings(self, _: QueryParameters) -> bytes:
        found = [one for one in self._sidecar.rule_runner.findings if self._kept.names.shown([one.finding])]
        known, level = stored_finding_views(found, self._epoch), self._settings().rules.level
        rules = [rule_view(rule, level(rule.code)) for rule in self._rules]
        return await asyncio.to_thread(encode, {"findings": known, "rules": rules})

    async def _recording(self, _: QueryParameters) -> bytes:
        """The traces that are kept, the oldest first, as lines of a recording."""
        entries, hide = self._kept.all()[::-1], NameRedactor(self._kept.names)
        head = RecordingHead(FORMAT, __version__, self._sidecar.salt.hex(), self._epoch)
        return await asyncio.to_thread(
            lambda: b"".join([encode_line(head), *(encode_trace(entry.trace, hide) for entry in entries)])
        )

    async def _health(self, _: QueryParameters) -> bytes:
        settings, found = self._settings(), [*readings(SIDECAR, self._sidecar), *self.readings()]
        shown = [
            {"name": one.name, "value": one.value, "help": one.series.help, "kind": one.series.kind}
            for one in found
            if not isinstance(one.value, Mapping)
        ]
        return encode(
            {
                "version": __version__,
                "state": self._sidecar.state,
                "mode": settings.mode,
                "upstream": settings.upstream,
                "upstream_up": self._sidecar.health.up,
                "base": self._base,
                "shows_values": settings.show_values,
                "gauges": shown,
                "limits": {name: value for (name,), value in limits(self._sidecar.settings).items()},
                "warnings": self._notices.all(),
            }
        )

    @property
    def _origin(self) -> str:
        """Where clients on this machine find fanin."""
        host = self._settings().listen.rpartition(":")[0]
        everywhere = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 – compared, not bound
        return f"http://{everywhere.get(host, host)}:{self._sidecar.port}"

    @property
    def _base(self) -> str:
        return self._origin + self._sidecar.upstream_state.context.mount.mount.decode()


def _news(entries: Sequence[StoredTrace], skipped: int, names: ConfirmedNames) -> bytes:
    return encode({"traces": [summary_of(entry, names) for entry in entries], "skipped": skipped})
