"""Says when similar reads share no call only because a request header differs in every call.

Tests: tests/e2e/operations/test_differing_headers.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from proxy.model import PendingRequest
from proxy.observe.events import HeaderDiffered, Warned
from proxy.path.evidence.differing_headers import Scheduler
from proxy.upstream.state import UpstreamState

REASON = "differing-header"
"""The bypass reason of such reads."""
RULE = "FAN017"
"""The rule that finds the headers."""


class LoneReads:
    """Looks at reads that were alone in their windows. ``key_of`` is equal for reads that could share a call."""

    def __init__(self, state: UpstreamState, key_of: Callable[[PendingRequest], str | int]) -> None:
        self._state = state
        self._key_of = key_of
        self._events = state.context.events
        self._clock = state.context.clock

    def differing_headers(self, scheduler: Scheduler, request: PendingRequest) -> str:
        """The headers (names joined by commas) that are why a read is alone in its window; empty if none are."""
        differing = self._state.differing_headers
        known = len(differing.reported)
        names, reads = differing.observe(self._key_of(request), request.head, scheduler, self._clock())
        if not names:
            return ""
        self._events.emit(HeaderDiffered(names, reads))
        if len(differing.reported) > known:
            self._events.emit(Warned(what(names), remedy(names, self._state.also_neutral)))
        return names

    @contextmanager
    def watching(self, request: PendingRequest) -> Iterator[str]:
        """While a read is answered that is not held in a window, because nothing is merged in this mode. Yields its
        ``differing_headers``.
        """
        read = _UnheldRead()
        try:
            yield self.differing_headers(read, request)
        finally:
            read.in_flight = 0


class _UnheldRead:
    """In place of a scheduler. Reads with equal headers differ in nothing, so that each may have its own."""

    in_flight = 1


def what(names: str) -> str:
    """What happened, for the log."""
    return f"similar reads at the same time share no call, only because these request headers differ in each: {names}"


def remedy(names: str, also_neutral: tuple[str, ...]) -> str:
    """What to do, with the setting to paste; ``also_neutral`` is its present value."""
    value = ", ".join(f'"{name}"' for name in (*also_neutral, *names.split(",")))
    return f"If no SQL reads these headers, set identity.also_neutral = [{value}]. See `fanin explain {REASON}`."
