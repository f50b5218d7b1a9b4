"""A check that a sidecar's metrics agree with the requests that came in and the calls that went out.

Every test that drives a sidecar of the harness ends with ``check``. Where the test reads Postgres' own count, that is
compared too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.gauges import SIDECAR, gauges
from proxy.model import Outcome
from proxy.observe.events import Event, RequestAnswered, UpstreamCalled
from proxy.observe.metrics import Metrics
from proxy.observe.series import readings
from proxy.upstream.client import UpstreamCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.path.reading.identity import HeadRules
    from proxy.server.server import Answering, ClientRequest, Handler
    from proxy.settings.model import Settings
    from proxy.sidecar.sidecar import Sidecar
    from proxy.upstream.connection import UpstreamConnection
    from proxy.upstream.messages import UpstreamAnswer, UpstreamRequest
    from proxy.upstream.pool import ConnectionPool

STATEMENT_RAN = frozenset((200, 201, 204, 206, 406))
"""Statuses after a statement that ran to its end. After others Postgres may have counted one, or not."""

RUNNING: list[MetricsCheck] = []
"""The checks of the sidecars that run now."""


class _CountedCall(UpstreamCall):
    """A call to upstream, seen where its bytes are written."""

    check: MetricsCheck

    async def _start(self) -> UpstreamAnswer:
        self.check.calls_placed += 1
        return await super()._start()

    async def _send(self, wire: UpstreamConnection) -> UpstreamAnswer:
        self.check.heads_written += 1
        return await super()._send(wire)


class MetricsCheck:
    """An observer of one sidecar: its metrics, and counts that are made without them."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.metrics = Metrics(10_000, lambda: readings(SIDECAR, sidecar))
        self.requests_begun = 0
        """Requests that were handed to the pipeline."""
        self.calls_placed = 0
        """Calls that had a connection of a pool, or waited for one and got it."""
        self.heads_written = 0
        """Heads written to upstream: a call whose connection was refused has none, one that was sent again has two."""
        self._answered: list[RequestAnswered] = []
        self._called: list[UpstreamCalled] = []
        self._mark = 0
        self._sidecar = sidecar
        self._watch(sidecar)

    def _watch(self, sidecar: Sidecar) -> None:
        sidecar._events.subscribe(self.metrics)
        sidecar._events.subscribe(self._observe)
        server = sidecar.server
        assert server is not None
        apply_settings = server.apply_settings

        def counted(handler: Handler) -> Handler:
            def handle(request: ClientRequest) -> Answering | None:
                self.requests_begun += 1
                return handler(request)

            return handle

        def apply_counted(settings: Settings, rules: HeadRules, handler: Handler) -> None:
            apply_settings(settings, rules, counted(handler))

        def send(
            pool: ConnectionPool[UpstreamConnection],
            request: UpstreamRequest,
            on_sent: Callable[[], None] | None = None,
        ) -> UpstreamCall:
            call = _CountedCall(sidecar.upstream, pool, request, on_sent)
            call.check = self
            return call

        server._handler = counted(server._handler)
        setattr(server, "apply_settings", apply_counted)  # noqa: B010 – a method's place
        setattr(sidecar.upstream, "send", send)  # noqa: B010 – a method's place

    def _observe(self, event: Event) -> None:
        if isinstance(event, RequestAnswered):
            self._answered.append(event)
        elif isinstance(event, UpstreamCalled):
            self._called.append(event)

    def check(self) -> None:
        """Fail when what the metrics say does not add up, or something is held that nobody waits for any more."""
        requests, calls, saved = (self._sum(name) for name in ("requests", "upstream_calls", "calls_saved"))
        assert requests == self.requests_begun == len(self._answered), "every request is counted once, by its outcome"
        assert calls == self.calls_placed, "every call upstream is counted, and none that was never sent"
        unsent = [event for event in self._answered if not event.span.call and not event.saves]
        assert requests - len(unsent) - calls == saved, "saved is requests less calls, whatever these were for"
        for event in unsent:
            assert event.span.outcome in (Outcome.FAILED, Outcome.GONE), "whoever was answered was so by a call"
        held = {name: value for name, value in gauges(self._sidecar).items() if name in ZERO_WHEN_IDLE and value}
        assert not held, "nothing is held when all is over"

    def _sum(self, name: str) -> float:
        return sum(self.metrics.now().values[name].values())

    # Postgres' own count.

    def mark(self) -> None:
        """From here on Postgres counts anew."""
        self._mark = len(self._called)

    def statements(self) -> range | None:
        """How many statements Postgres has counted since, by what came of the calls: exactly, where nothing failed.

        None where no call was made: then a test asked Postgres by another way.
        """
        calls = Counter(map(_is_one_statement, self._called[self._mark :]))
        return range(calls[True], calls[True] + calls[None] + 1) if calls else None


def check_exposition(text: str) -> None:
    """The same of a program of its own, as far as its ``/metrics`` tells."""
    sums: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] += sample.value
            if sample.name == "fanin_requests_total" and sample.labels["outcome"] in ("failed", "gone"):
                sums["unanswered"] += sample.value
    if sums["fanin_requests_in_flight"]:
        return
    saved = sums["fanin_requests_total"] - sums["fanin_upstream_calls_total"]
    assert 0 <= saved - sums["fanin_calls_saved"] <= sums["unanswered"], (
        f"saved is requests less calls: {saved}, {dict(sums)}"
    )


ZERO_WHEN_IDLE = frozenset(
    ("requests_in_flight", "upstream_busy", "upstream_queue", "open_windows", "waiting", "shadow_held_bytes", "tunnels")
)
"""Gauges that are 0 when nothing goes on."""


def _is_one_statement(call: UpstreamCalled) -> bool | None:
    """Whether it is one statement; None where nobody can tell: it failed, or is none that a relation answers."""
    if call.relation and call.method != "OPTIONS" and call.status in STATEMENT_RAN:
        return True
    planned = call.kind not in ("types", "outside", "tunnel")  # a question for a type fails before anything runs
    return None if planned else False
