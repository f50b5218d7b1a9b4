"""Decides when a batch is sent: one scheduler per (fingerprint, identity), a state machine without I/O.

Its states are a table in docs/explanation/architecture.md#when-a-batch-leaves.

Invariants: a request joins only a batch that is not sent yet; a single request is not held while nothing is in flight,
unless the key lingers; no request is held longer than ``min(max_wait, ½ × the key's median upstream time)``; a key
lingers only while at least half of its recent lingers led to a batch of several requests.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

import msgspec

from proxy.model import PendingRequest

RECENT_TIMES = 64
"""Number of upstream times stored per key."""
RECENT_LINGERS = 16
"""Number of linger results stored per key."""
FAN_OUT_SIZE = 1.5
"""A key lingers only if the moving average of its batch sizes is above this."""

SIZE_DECAY = 0.99
"""Factor on a key's stored answer size for each request that is not merged because of that size."""


class BatchSettings(msgspec.Struct, frozen=True):
    """The settings of batching: times in seconds; ``max_window`` is the number of requests per window."""

    max_wait: float
    linger: float
    max_window: int
    deadline_floor: float
    deadline_factor: float
    pause_first: float
    pause_max: float


class BatchScheduler:
    """State of one (fingerprint, identity): its window, its calls in flight, and measurements of recent calls."""

    def __init__(self, settings: BatchSettings) -> None:
        self._waiting: dict[PendingRequest, None] = {}
        self.in_flight = 0
        self.size_per_key = 0.0
        self.rows_per_key = 1.0
        self._settings = settings
        self._times: deque[float] = deque(maxlen=RECENT_TIMES)
        self._fan_out = 1.0
        self._lingers: deque[bool] = deque(maxlen=RECENT_LINGERS)
        self._lingering = False
        self._pause = 0.0
        self._paused_until = float("-inf")

    def __repr__(self) -> str:
        return f"<BatchScheduler waiting={len(self._waiting)} in_flight={self.in_flight} fan_out={self._fan_out:.1f}>"

    @property
    def idle(self) -> bool:
        return not self._waiting and not self.in_flight

    @property
    def full(self) -> bool:
        """Whether the window has ``max_window`` requests. It must be flushed before the next one is added."""
        return len(self._waiting) >= self._settings.max_window

    def enqueue(self, request: PendingRequest) -> float | None:
        """Add ``request`` to the window. Returns the seconds until the window closes; None if its timer is running."""
        self._waiting[request] = None
        if len(self._waiting) > 1:
            return None
        if self.in_flight:
            return self._longest_wait()
        self._lingering = self._should_linger()
        return min(self._settings.linger, self._longest_wait()) if self._lingering else 0.0

    def cancel(self, request: PendingRequest) -> bool:
        """Remove ``request``, whose client disconnected. Returns whether the window is now empty."""
        self._waiting.pop(request, None)
        return not self._waiting

    def flush(self) -> list[PendingRequest]:
        """Close the window and return its batch. Later requests go into the next window."""
        batch = list(self._waiting)
        self._waiting.clear()
        if batch:
            self._fan_out += 0.3 * (len(batch) - self._fan_out)
        if self._lingering:
            self._lingers.append(len(batch) > 1)
            self._lingering = False
        return batch

    def acquire(self) -> None:
        """Count a call of this key as in flight."""
        self.in_flight += 1

    def release(self, seconds: float | None) -> bool:
        """Record that a call ended after ``seconds`` (None: it failed). Returns whether the window must close now."""
        self.in_flight -= 1
        if seconds is not None:
            self._times.append(seconds)
        return bool(self._waiting)

    def deadline(self) -> float:
        """Timeout of a merged call in seconds."""
        return max(self._settings.deadline_floor, self._settings.deadline_factor * self._quantile(0.95, 0.0))

    def paused(self, now: float) -> bool:
        """Whether merging is paused after failures."""
        return now < self._paused_until

    def record_failure(self, now: float) -> bool:
        """Pause merging because a merged answer was not used; each pause is twice as long as the previous one.

        Returns whether a pause began. A call that was sent before a pause and fails during it starts no further pause.
        """
        if self.paused(now):
            return False
        self._pause = min(self._settings.pause_max, max(self._settings.pause_first, 2 * self._pause))
        self._paused_until = now + self._pause
        return True

    def record_success(self) -> None:
        """Reset the length of the next pause."""
        self._pause = 0.0

    def record_merge(self, keys: int, rows: int, size: int) -> None:
        """Record a merged answer that was used: ``rows`` rows and ``size`` bytes for ``keys`` keys."""
        self.record_success()
        self.size_per_key += 0.3 * (size / keys - self.size_per_key)
        self.rows_per_key = max(1.0, rows / keys, 0.9 * self.rows_per_key)

    def too_large(self, limit: int) -> bool:
        """Whether recent answers were larger than ``limit`` bytes per key.

        Each True shrinks the stored size by ``SIZE_DECAY``, so that one large answer does not stop merging forever.
        """
        if self.size_per_key <= limit:
            return False
        self.size_per_key *= SIZE_DECAY
        return True

    def _longest_wait(self) -> float:
        return min(self._settings.max_wait, 0.5 * self._quantile(0.5, 2 * self._settings.max_wait))

    def _should_linger(self) -> bool:
        successes = sum(self._lingers)
        return self._fan_out > FAN_OUT_SIZE and 2 * successes >= len(self._lingers)

    def _quantile(self, share: float, default: float) -> float:
        if not self._times:
            return default
        times = sorted(self._times)
        return times[min(len(times) - 1, int(share * len(times)))]


class SchedulerRegistry:
    """At most ``limit`` schedulers. A new one replaces the least recently used idle one."""

    def __init__(self, limit: int, create: Callable[[], BatchScheduler]) -> None:
        self._schedulers: OrderedDict[tuple[str | int, bytes], BatchScheduler] = OrderedDict()
        self._limit = limit
        self._create = create

    def __len__(self) -> int:
        return len(self._schedulers)

    def find(self, query_key: str | int, identity: bytes) -> BatchScheduler | None:
        """The scheduler of a key, if it exists."""
        return self._schedulers.get((query_key, identity))

    def get(self, query_key: str | int, identity: bytes) -> BatchScheduler | None:
        """The scheduler of a key, created if necessary; None if the limit is reached and none is idle.

        ``query_key`` is a fingerprint, or another hash that all requests of one window have in common.
        """
        key = (query_key, identity)
        scheduler = self._schedulers.get(key)
        if scheduler is not None:
            self._schedulers.move_to_end(key)
            return scheduler
        if len(self._schedulers) >= self._limit and not self._evict_idle():
            return None
        scheduler = self._schedulers[key] = self._create()
        return scheduler

    def paused(self, now: float) -> int:
        """Number of keys whose merging is paused after failures."""
        return sum(scheduler.paused(now) for scheduler in self._schedulers.values())

    def _evict_idle(self) -> bool:
        for key, scheduler in self._schedulers.items():
            if scheduler.idle:
                del self._schedulers[key]
                return True
        return False
