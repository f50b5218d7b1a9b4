"""Notices that the process has no file descriptor left: then clients are reset, and upstream cannot be called."""

from collections.abc import Callable

from proxy.observe.events import Events, Warned
from proxy.settings.model import Settings
from proxy.transport.descriptors import is_exhausted, needed, raise_limit
from proxy.upstream.client import Upstream

INTERVAL = 1.0
"""Seconds between two checks."""
RECENT = 5.0
"""Seconds for which fanin reports itself as not ready after a check or a connection failed."""
SILENT = 60.0
"""Seconds between two warnings while it goes on."""


REMEDY = (
    "Raise the limit of fanin's process (ulimit -n; LimitNOFILE= in systemd), or lower limits.connections and pool.…"
)


class DescriptorMonitor:
    """Call ``check`` regularly. ``exhausted`` counts the connections, and the checks, that found no descriptor."""

    def __init__(self, upstream: Upstream, events: Events, clock: Callable[[], float]) -> None:
        self.exhausted = 0
        self._upstream = upstream
        self._events = events
        self._clock = clock
        self._failures = 0
        self._last_check = self._last_warning = self._last_failure = float("-inf")

    @property
    def recently_exhausted(self) -> bool:
        """Whether there was no descriptor left in the last ``RECENT`` seconds."""
        return self._clock() - self._last_failure < RECENT

    def check(self) -> None:
        """Look for failed connections, and once per ``INTERVAL`` try to open a descriptor."""
        now = self._clock()
        failures, self._failures = self._upstream.exhausted - self._failures, self._upstream.exhausted
        if now - self._last_check >= INTERVAL:
            self._last_check = now
            failures += is_exhausted()
        if not failures:
            return
        self.exhausted += failures
        self._last_failure = now
        if now - self._last_warning >= SILENT:
            self._last_warning = now
            self._events.emit(
                Warned(
                    "no file descriptor is left: clients are disconnected, and upstream cannot be called",
                    REMEDY,
                )
            )


def fit_limit(settings: Settings, events: Events) -> None:
    """Raise the process's own limit to what the settings need, and warn if the system does not allow that many."""
    wanted = needed(settings)
    limit = raise_limit(wanted)
    if limit < wanted:
        what = f"the process may open {limit} file descriptors, but its limits on connections need {wanted}"
        events.emit(Warned(what, REMEDY))
