"""Decides when a batch is sent: the scheduler of one (fingerprint, identity), a state machine over time.

Its states are a table in docs/explanation/architecture.md#when-a-batch-leaves.

Rules: a request joins only a batch that is not sent yet; a request is sent at once when no call is in flight and no
fan-out is expected; no request is held for longer than ``min(max_wait, ½ × the scheduler's median upstream time)``;
windows linger only while at least half of the recent lingers gathered more than one request. A window that waits
behind calls in flight closes when one of them ends, when it is full, or when its wait is over. Under a steady load, a
window with half of the requests that are there at one time closes at once while at most one call is in flight: if it
waited for the other half, all clients would wait for one call, and fanin and upstream would take turns.

A window *lingers* when it is held open though no call is in flight, because its query fanned out lately.
"""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from proxy.model import PendingRequest

RECENT_TIMES = 64
"""Upstream times kept per scheduler."""
RECENT_LINGERS = 16
"""Lingering windows kept per scheduler."""
INCOMPLETE_SHARE = 0.1
"""Moving average of answers in which a key had no row, from which on the next one is expected to be like them."""
FAN_OUT_SIZE = 1.5
"""Moving average of batch sizes above which recent traffic of a scheduler is a fan-out."""

LEAST_HALF = 8
"""Fewest requests that close a window as half of those that are there: a call costs upstream as much as 40 keys do."""
OVERLAPPING_CALLS = 2
"""Calls in flight up to which half of the requests closes a window: upstream has work while fanin reads and writes."""
STEADY_BATCHES, STEADY_GAP = 16, 0.05
"""Only the windows of a steady load are halved: so many batches came one after another, each with its first request at
most so many seconds after that of the batch before. A fan-out of its own is one call."""
CONCURRENCY_DECAY = 0.98
"""Factor per batch on the remembered number of requests that are there at one time."""

MAX_FURTHER_KEYS = 500
"""Keys of the requests of a window at most, without the first of each. Those who share a call are looked for under
every key, and many keys with many values take long."""

SIZE_DECAY = 0.99
"""Factor on the remembered size after each request that was not merged because of it."""


class BatchSettings(msgspec.Struct, frozen=True):
    """The settings for windows and pauses. Times are in seconds, ``max_window`` is in requests."""

    max_wait: float
    linger: float
    max_window: int
    deadline_floor: float
    deadline_factor: float
    pause_first: float
    pause_max: float


class BatchScheduler(msgspec.Struct, eq=False, gc=False):
    """The state of one (fingerprint, identity): waiting requests, calls in flight, recent results.

    Thousands are kept, of which the garbage collector tracks no part: it would visit all of them while requests wait.
    """

    _settings: BatchSettings
    _waiting: dict[PendingRequest, None] = {}
    _keys: int = 0
    """Keys of those in the window."""
    _ahead: int = 0
    """Those of them that no client has made yet."""
    in_flight: int = 0
    _requests_in_flight: int = 0
    _concurrency: float = 0.0
    _steady_batches: int = 0
    _last_arrival: float = float("-inf")
    size_per_key: float = 0.0
    rows_per_key: float = 1.0
    _incomplete: float = 0.0
    _times: tuple[float, ...] = ()
    _batch_size: float = 1.0
    _lingers: tuple[bool, ...] = ()
    _lingering: bool = False
    _pause: float = 0.0
    _paused_until: float = float("-inf")

    def __repr__(self) -> str:
        waiting, size = len(self._waiting), self._batch_size
        return f"<BatchScheduler waiting={waiting} in_flight={self.in_flight} batch_size={size:.1f}>"

    @property
    def idle(self) -> bool:
        return not self._waiting and not self.in_flight

    @property
    def full(self) -> bool:
        """Whether the window has to be flushed before another request joins.

        It holds ``max_window`` requests, or of those with several keys as many as are planned fast, or, under a steady
        load, half of those that were there at one time lately while fewer than ``OVERLAPPING_CALLS`` calls are in
        flight.
        """
        waiting = len(self._waiting)
        if waiting >= self._settings.max_window or self._keys - waiting >= MAX_FURTHER_KEYS:
            return True
        if waiting < LEAST_HALF or self.in_flight >= OVERLAPPING_CALLS or self._steady_batches < STEADY_BATCHES:
            return False
        return 2 * waiting >= self._concurrency >= 2 * LEAST_HALF

    def enqueue(self, request: PendingRequest) -> float | None:
        """Add ``request`` to the window. The seconds until the window has to be flushed, or None when an earlier
        request of the window has set that time.
        """
        self._waiting[request] = None
        self._keys += len(request.query.keys)
        if len(self._waiting) > 1:
            return None
        if self.in_flight:
            return self._longest_wait()
        self._lingering = self._should_linger()
        return min(self._settings.linger, self._longest_wait()) if self._lingering else 0.0

    def enqueue_ahead(self, request: PendingRequest) -> None:
        """Add a request that no client has made yet to the open window. It does not count as company."""
        self._waiting[request] = None
        self._ahead += 1
        self._keys += len(request.query.keys)

    def cancel(self, request: PendingRequest) -> bool:
        """Remove ``request``, whose client disconnected, from the window. True when the window is empty now."""
        if request in self._waiting:
            del self._waiting[request]
            self._keys -= len(request.query.keys)
        return not self._waiting

    def flush(self) -> list[PendingRequest]:
        """Close the window and return its batch. Requests that arrive from now on are in the next window."""
        batch = list(self._waiting)
        size = max(1, len(batch) - self._ahead)
        self._waiting.clear()
        self._ahead = self._keys = 0
        if batch:
            arrival = batch[0].arrived
            is_steady = arrival - self._last_arrival <= STEADY_GAP
            self._steady_batches = self._steady_batches + 1 if is_steady else 0
            self._last_arrival = arrival
            remembered = CONCURRENCY_DECAY * self._concurrency if is_steady else 0.0
            self._concurrency = max(remembered, size + self._requests_in_flight)
            self._batch_size += 0.3 * (size - self._batch_size)
        if self._lingering:
            self._lingers = (*self._lingers[1 - RECENT_LINGERS :], size > 1)
            self._lingering = False
        return batch

    def acquire(self, requests: int = 1) -> None:
        """Count a call for so many ``requests`` that is in flight from now on."""
        self.in_flight += 1
        self._requests_in_flight += requests

    def release(self, seconds: float | None, requests: int = 1) -> bool:
        """Count a call that ended after ``seconds`` (None: it failed). True when the window has to be flushed now,
        because its requests waited for this call.
        """
        self.in_flight -= 1
        self._requests_in_flight -= requests
        if seconds is not None:
            self._times = (*self._times[1 - RECENT_TIMES :], seconds)
        return bool(self._waiting)

    def deadline(self) -> float:
        """Seconds after which a merged call is cancelled."""
        return max(self._settings.deadline_floor, self._settings.deadline_factor * self._quantile(0.95, 0.0))

    def paused(self, now: float) -> bool:
        """Whether merging is paused after failures."""
        return now < self._paused_until

    def record_failure(self, now: float) -> bool:
        """A merged answer could not be used: start a pause, twice as long as the last one. False if one is in progress.

        Calls that were sent before the pause and fail during it belong to the same failure.
        """
        if self.paused(now):
            return False
        self._pause = min(self._settings.pause_max, max(self._settings.pause_first, 2 * self._pause))
        self._paused_until = now + self._pause
        return True

    def record_success(self) -> None:
        """An answer could be used: the next pause is as short as the first."""
        self._pause = 0.0

    def record_merge(self, keys: int, rows: int, size: int, empty: int = 0) -> None:
        """A merged answer was used: ``rows`` rows and ``size`` bytes for ``keys`` keys, of which ``empty`` had none."""
        self.record_success()
        self.size_per_key += 0.3 * (size / keys - self.size_per_key)
        self.rows_per_key = max(1.0, rows / keys, 0.9 * self.rows_per_key)
        self._incomplete += 0.3 * ((empty > 0) - self._incomplete)

    @property
    def expects_all_keys(self) -> bool:
        """Whether the last merged answers had rows for every key."""
        return self._incomplete < INCOMPLETE_SHARE

    def too_large(self, limit: int) -> bool:
        """Whether recent answers had more than ``limit`` bytes per key. Each call that returns True lowers the
        remembered size a little, so that one large answer does not end merging for good.
        """
        if self.size_per_key <= limit:
            return False
        self.size_per_key *= SIZE_DECAY
        return True

    def _longest_wait(self) -> float:
        return min(self._settings.max_wait, 0.5 * self._quantile(0.5, 2 * self._settings.max_wait))

    def _should_linger(self) -> bool:
        successful = sum(self._lingers)
        return self._batch_size > FAN_OUT_SIZE and 2 * successful >= len(self._lingers)

    def _quantile(self, fraction: float, default: float) -> float:
        if not self._times:
            return default
        times = sorted(self._times)
        return times[min(len(times) - 1, int(fraction * len(times)))]


MAX_KEY_CHARS = 8_000_000
"""Largest number of characters of the fingerprints in a ``SchedulerRegistry``."""


class SchedulerRegistry:
    """The schedulers in use, at most ``limit``; a new one replaces the least recently used idle one."""

    def __init__(self, limit: int, create: Callable[[], BatchScheduler]) -> None:
        self._schedulers: OrderedDict[tuple[str | int, bytes], BatchScheduler] = OrderedDict()
        self._limit = limit
        self._create = create
        self._chars = 0
        """Characters of the fingerprints in the keys."""

    def __len__(self) -> int:
        return len(self._schedulers)

    def find(self, query_key: str | int, identity: bytes) -> BatchScheduler | None:
        """The scheduler of that key, or None. Neither creates one nor counts as use."""
        return self._schedulers.get((query_key, identity))

    def get(self, query_key: str | int, identity: bytes) -> BatchScheduler | None:
        """The scheduler of that key, created if there is none. None when ``limit`` schedulers are all busy.

        ``query_key`` is a fingerprint, or a hash of what the requests have in common where there is no fingerprint.
        """
        key = (query_key, identity)
        scheduler = self._schedulers.get(key)
        if scheduler is not None:
            self._schedulers.move_to_end(key)
            return scheduler
        chars = len(query_key) if isinstance(query_key, str) else 0
        while len(self._schedulers) >= self._limit or self._chars + chars > MAX_KEY_CHARS:
            if not self._evict_idle():
                return None
        self._chars += chars
        scheduler = self._schedulers[key] = self._create()
        return scheduler

    def paused(self, now: float) -> int:
        """Number of schedulers that are paused after failures."""
        return sum(
            [now < scheduler._paused_until for scheduler in self._schedulers.values()]
        )  # of 10,000 at each scrape

    def _evict_idle(self) -> bool:
        for key, scheduler in self._schedulers.items():
            if scheduler.idle:
                del self._schedulers[key]
                self._chars -= len(key[0]) if isinstance(key[0], str) else 0
                return True
        return False
