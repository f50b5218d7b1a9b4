"""Logs JSON lines: one per closed trace, and warnings with cause and remedy. They never contain values or tokens.

Each kind of line has a rate limit (``log.…``); ``left_out`` counts the lines suppressed since the previous one of the
same kind.
"""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TextIO

import structlog

from proxy.analysis.spans import count_queries
from proxy.findings.model import Finding
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Event, SettingsReloaded, TraceClosed, Warned, WorkloadInspected
from proxy.observe.rate_limit import RateLimit
from proxy.observe.redactor import Redactor, Restore, error_location, install
from proxy.settings.observability import LogSettings
from proxy.text.terminal import safe

MINUTE = 60.0  # seconds


def configure(stream: TextIO = sys.stderr) -> None:
    """Configure structlog to write JSON lines to ``stream``."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )


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
            structlog.get_logger().info("left out", **unreported)

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
            self._log.info("workload", findings=self._keys(event.findings))
        if not isinstance(event, TraceClosed):
            return
        trace = event.trace
        self._names.learn(trace.spans)
        left_out = self._rate.acquire()
        if left_out is None:
            return
        self._log.info(
            "trace",
            trace=safe(trace.id),
            kind="explicit" if trace.explicit else "inferred",
            route=safe(trace.route),
            part=trace.part,
            mixed=trace.mixed,
            truncated=trace.truncated,
            ms=round(1000 * (trace.end - trace.start), 1),
            queries=count_queries(trace.spans),
            upstream_calls=trace.calls,
            outcomes=dict(Counter(span.outcome.value for span in trace.spans)),
            bypass_reasons=dict(Counter(span.bypass_reason for span in trace.spans if span.bypass_reason)),
            findings=self._keys(event.findings),
            left_out=left_out,
        )

    def _keys(self, findings: Sequence[Finding]) -> list[str]:
        return [finding.key for finding in self._names.shown_findings(findings)]


class Warnings:
    """An observer that logs warnings and changed settings."""

    def __init__(self, rate: RateLimit) -> None:
        self._log = structlog.get_logger()
        self._rate = rate

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._warn(event)
        elif isinstance(event, SettingsReloaded) and event.changed is not None:
            self._log.info("settings", changed=list(event.changed))

    def _warn(self, event: Warned) -> None:
        left_out = self._rate.acquire()
        if left_out is not None:
            location = error_location(event.error)
            self._log.warning("warning", what=safe(event.what), remedy=event.remedy, **location, left_out=left_out)
