"""Logs lines: one per closed trace, and warnings with cause and remedy. They never contain values or tokens.

Each line has ``event`` (its kind), ``message``, ``level`` and ``timestamp``. Each kind has a rate limit (``log.…``);
``left_out`` counts the lines suppressed since the previous one of the same kind.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from proxy.analysis.spans import asked_of_postgrest, count_queries
from proxy.findings.model import Finding
from proxy.observe.confirmed_names import METHODS, ConfirmedNames
from proxy.observe.events import (
    Event,
    NotificationsResumed,
    RequestAnswered,
    SettingsReloaded,
    TraceClosed,
    UpstreamRecovered,
    Warned,
    WorkloadInspected,
)
from proxy.observe.rate_limit import RateLimit
from proxy.observe.redactor import Redactor, Restore, error_location, install
from proxy.settings.observability import LogSettings
from proxy.text.counted import counted
from proxy.text.terminal import safe

MINUTE = 60.0  # seconds


class LogOutput:
    """The rate limits of all kinds of lines; ``settings`` returns the effective settings."""

    def __init__(self, settings: Callable[[], LogSettings], clock: Callable[[], float] = time.monotonic) -> None:
        self.traces = RateLimit(lambda: settings().traces, 1.0, clock)
        self.warnings = RateLimit(lambda: settings().warnings, MINUTE, clock)
        self.libraries = RateLimit(lambda: settings().warnings, MINUTE, clock)

    def capture(self) -> Restore:
        """Redact the log output of Python and libraries from now on; the returned function undoes it."""
        return install(Redactor(self.libraries))

    def left_out(self) -> dict[tuple[str, ...], float]:
        """Total number of suppressed lines, by kind."""
        return {(kind,): float(rate.left_out) for kind, rate in self._kinds()}

    def close(self) -> None:
        """Log the number of lines that were suppressed after the last line of each kind."""
        unreported = {kind: count for kind, rate in self._kinds() if (count := rate.take_unreported())}
        if unreported:
            structlog.get_logger().info("left out", message="Lines above the rate limits were left out.", **unreported)

    def _kinds(self) -> tuple[tuple[str, RateLimit], ...]:
        return ("trace", self.traces), ("warning", self.warnings), ("library", self.libraries)


class TraceLog:
    """An observer that logs one line per closed trace."""

    def __init__(self, rate: RateLimit) -> None:
        self._log = structlog.get_logger()
        self._names = ConfirmedNames()
        self._rate = rate

    def __call__(self, event: Event) -> None:
        if isinstance(event, WorkloadInspected):
            found = self._keys(event.findings)
            self._log.info("workload", message=f"{counted(len(found), 'new finding')} in all traces", findings=found)
        if not isinstance(event, TraceClosed):
            return
        trace = event.trace
        self._names.learn(trace.spans)
        left_out = self._rate.acquire()
        if left_out is None:
            return
        calls = asked_of_postgrest(trace).calls
        self._log.info(
            "trace",
            message=f"{counted(len(trace.spans), 'request')}, {counted(calls, 'upstream call')}",
            trace=safe(trace.id),
            kind="explicit" if trace.explicit else "inferred",
            route=safe(trace.route),
            part=trace.part,
            mixed=trace.mixed,
            truncated=trace.truncated,
            ms=round(1000 * (trace.end - trace.start), 1),
            queries=count_queries(trace.spans),
            upstream_calls=calls,
            outcomes=dict(Counter(span.outcome.value for span in trace.spans)),
            bypass_reasons=dict(Counter(span.bypass_reason for span in trace.spans if span.bypass_reason)),
            fallback_reasons=dict(Counter(span.fallback_reason for span in trace.spans if span.fallback_reason)),
            findings=self._keys(event.findings),
            left_out=left_out,
        )

    def _keys(self, findings: Sequence[Finding]) -> list[str]:
        return [finding.key for finding in self._names.shown_findings(findings)]


class Warnings:
    """An observer that logs warnings, the end of what they warn of, and changed settings."""

    def __init__(self, rate: RateLimit) -> None:
        self._log = structlog.get_logger()
        self._rate = rate

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._warn(event)
        elif isinstance(event, UpstreamRecovered):
            self._recovered("upstream", f"upstream is up again after {event.seconds:.1f} s", event.seconds)
        elif isinstance(event, NotificationsResumed):
            text = f"notifications of writes are received again after {event.seconds:.1f} s"
            self._recovered("notifications", text, event.seconds)
        elif isinstance(event, SettingsReloaded) and event.changed is not None:
            self._log.info("settings", message="settings were reloaded", changed=list(event.changed))

    def _recovered(self, kind: str, text: str, seconds: float) -> None:
        left_out = self._rate.acquire()
        if left_out is not None:
            self._log.info(kind, message=text, seconds=round(seconds, 1), left_out=left_out)

    def _warn(self, event: Warned) -> None:
        left_out = self._rate.acquire()
        if left_out is not None:
            location = error_location(event.error)
            self._log.warning("warning", message=safe(event.what), remedy=event.remedy, **location, left_out=left_out)


class AccessLog:
    """An observer that logs one line per request, with its relation if PostgREST has accepted that name."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()
        self._names = ConfirmedNames()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, RequestAnswered):
            return
        span = event.span
        self._names.learn((span,))
        method, relation = span.method if span.method in METHODS else "other", self._names.shown_relation(span.relation)
        self._log.info(
            "access",
            message=f"{method} {relation} {span.status}",
            method=method,
            relation=relation,
            status=span.status,
            ms=round(1000 * (span.end - span.start), 1),
            outcome=span.outcome.value,
            fault=event.fault,
        )
