"""Whether upstream can be reached: by the results of calls, or by a probe if there was no recent call.

A warning says when upstream is down and why, an event when it is up again. One failed call among many is not an outage.
"""

import asyncio
from collections.abc import Callable

from proxy.errors.codes import FAULTS, FaultError
from proxy.observe.events import (
    CANCELLED,
    NO_ANSWER,
    Event,
    Events,
    HealthChecked,
    UpstreamCalled,
    UpstreamRecovered,
    Warned,
)
from proxy.upstream.client import Upstream
from proxy.upstream.connect_faults import CONNECT_FAULTS

MAX_AGE = 5.0
"""Seconds for which the last result holds while upstream is up."""
PROBE_INTERVAL = 1.0
"""Seconds between two probes while upstream is down."""
FAILED_CONNECTS = 2
"""Number of such calls in a row after which upstream counts as down."""
LEAST_OUTAGE = 1.0
"""Seconds for which upstream must not have answered: a backlog that was full for a moment is no outage."""
UNANSWERED = 5
"""The same for calls that got a connection and no answer: one of them may be a slow query."""


class Health:
    """An observer of calls. A probe opens a connection and closes it: it sends no query, and costs upstream little."""

    def __init__(self, upstream: Upstream, events: Events, clock: Callable[[], float]) -> None:
        self.up = True
        """Whether the last call, or the last probe, got an answer."""
        self._upstream = upstream
        self._events = events
        self._clock = clock
        self._updated = float("-inf")
        self._probe: asyncio.Task[None] | None = None
        self._failed_since = 0.0
        self._failures = 0
        """Number of calls and probes that failed since the last answer."""
        self._said_down = False
        self._connects = False
        """Whether the last failed call got a connection: then only an answer shows that upstream is up again."""

    def __call__(self, event: Event) -> None:
        if isinstance(event, UpstreamCalled) and event.status != CANCELLED:
            if event.status == NO_ANSWER:
                self.failed(event.fault)
            else:
                self._answered()

    def tick(self) -> None:
        """Called regularly: probe while upstream is down, so that its metric changes even if there are no calls."""
        if not self.up and self._clock() - self._updated >= PROBE_INTERVAL:
            self._start()

    async def check(self) -> bool:
        """Whether upstream is up, by a result of the last ``MAX_AGE`` or ``PROBE_INTERVAL`` seconds."""
        if self._clock() - self._updated >= (MAX_AGE if self.up else PROBE_INTERVAL):
            await asyncio.shield(self._start())
        return self.up

    async def stop(self) -> None:
        """Cancel a probe in progress."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    def failed(self, error: FaultError | None, probed: bool = False) -> None:
        """A call, or with ``probed`` a probe, got no answer because of ``error``."""
        self._set_up(False)
        if not self._failures:
            self._failed_since = self._clock()
        self._failures += 1
        self._connects = error is None or error.fault.code not in CONNECT_FAULTS
        enough = UNANSWERED if self._connects else FAILED_CONNECTS
        lasts = self._clock() - self._failed_since >= LEAST_OUTAGE
        if not self._said_down and lasts and (probed or self._failures >= enough):
            self._said_down = True
            self._events.emit(_warning(error))

    def _answered(self) -> None:
        self._set_up(True)
        self._failures = 0
        if self._said_down:
            self._said_down = False
            self._events.emit(UpstreamRecovered(self._clock() - self._failed_since))

    def _set_up(self, up: bool) -> None:
        self.up, self._updated = up, self._clock()

    def _start(self) -> "asyncio.Task[None]":
        """The probe in progress, or a new one: there is at most one at a time."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.get_running_loop().create_task(self._connect())
        return self._probe

    async def _connect(self) -> None:
        try:
            connection = await self._upstream.connect()
        except FaultError as error:
            if error.fault.code != "FANIN509":  # no file descriptor: that says nothing of upstream
                self.failed(error, probed=True)
        else:
            connection.abort()
            if self._connects:
                self._set_up(True)
            else:
                self._answered()
        self._events.emit(HealthChecked(self.up))


def _warning(error: FaultError | None) -> Warned:
    fault = FAULTS["FANIN504"] if error is None else error.fault
    details = f" ({error.details})" if error is not None and error.details else ""
    return Warned(f"upstream is down: {fault.message}{details}", fault.remedy)
