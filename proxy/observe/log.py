"""JSON lines for operators: one a closed trace, and warnings with a cause and a remedy. No values, no tokens."""

import logging
import sys
import traceback
from collections import Counter
from typing import TextIO

import structlog

from proxy.observe.events import Closed, Event, Inspected, Reread, Warned
from proxy.observe.text import safe


def configure(stream: TextIO = sys.stderr) -> None:
    """Our own lines are JSON on ``stream``. aiohttp's loggers print head bytes on parse errors: they are off."""
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
    for name in ("aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class TraceLog:
    """An observer that writes one line a closed trace."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Inspected):
            self._log.info("workload", findings=[finding.key for finding in event.findings])
        if not isinstance(event, Closed):
            return
        trace = event.trace
        self._log.info(
            "trace",
            trace=safe(trace.id),
            kind="explicit" if trace.explicit else "inferred",
            route=safe(trace.route),
            part=trace.part,
            mixed=trace.mixed,
            truncated=trace.truncated,
            ms=round(1000 * (trace.end - trace.start), 1),
            queries=len(trace.spans),
            upstream_calls=trace.calls,
            outcomes=dict(Counter(span.outcome.value for span in trace.spans)),
            refusals=dict(Counter(span.refusal for span in trace.spans if span.refusal)),
            findings=[finding.key for finding in event.findings],
        )


class Warnings:
    """An observer that writes what the operator should know, and what they have changed."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            where = _where(event.error)
            self._log.warning("warning", what=safe(event.what), remedy=event.remedy, **where)
        elif isinstance(event, Reread) and event.changed is not None:
            self._log.info("settings", changed=list(event.changed))


def _where(error: BaseException | None) -> dict[str, object]:
    """Type and code lines of an exception; its message may quote a value, so it stays out."""
    if error is None:
        return {}
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "traceback": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
