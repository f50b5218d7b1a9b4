"""When a batch leaves: the gate of one (fingerprint, identity), as a state machine over time.

Its states are a table in docs/explanation/architecture.md#when-a-batch-leaves.

Laws: a request joins only what has not left; whoever is alone leaves at once; no hold is longer than
``min(max_wait, ½ × the key's median upstream time)``; lingering goes on only while at least half of it finds company.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

import msgspec

from proxy.model import PendingRequest

RECENT_TIMES = 64
"""Upstream times remembered a key."""
RECENT_LINGERS = 16
"""Lingers remembered a key."""
FAN_OUT_SIZE = 1.5
"""Moving average of batch sizes above which a key lately fanned out."""

SIZE_DECAY = 0.99
"""What is left of a remembered size after each request that was not merged because of it."""


class BatchSettings(msgspec.Struct, frozen=True):
    """What of the settings bears on holding: seconds, and members a window."""

    max_wait: float
    linger: float
    max_window: int
    deadline_floor: float
    deadline_factor: float
    pause_first: float
    pause_max: float


class BatchScheduler:
    """The traffic of one (fingerprint, identity): who waits, what is in flight, how it went lately."""

    def __init__(self, pace: BatchSettings) -> None:
        self._waiting: dict[PendingRequest, None] = {}
        self.in_flight = 0
        self.size_per_key = 0.0
        self.rows_per_key = 1.0
        self._settings = pace
        self._times: deque[float] = deque(maxlen=RECENT_TIMES)
        self._fan_out = 1.0
        self._lingers: deque[bool] = deque(maxlen=RECENT_LINGERS)
        self._lingering = False
        self._pause = 0.0
        self._paused_until = float("-inf")

    def __repr__(self) -> str:
        return f"<Gate waiting={len(self._waiting)} in_flight={self.in_flight} fan_out={self._fan_out:.1f}>"

    @property
    def idle(self) -> bool:
        return not self._waiting and not self.in_flight

    @property
    def full(self) -> bool:
        """Whether the window holds all that it may: it leaves before anybody else comes in."""
        return len(self._waiting) >= self._settings.max_window

    def enqueue(self, member: PendingRequest) -> float | None:
        """``member`` joins the window. The seconds until it must leave; None when that is settled already."""
        self._waiting[member] = None
        if len(self._waiting) > 1:
            return None
        if self.in_flight:
            return self._longest_wait()
        self._lingering = self._should_linger()
        return min(self._settings.linger, self._longest_wait()) if self._lingering else 0.0

    def cancel(self, member: PendingRequest) -> bool:
        """``member`` hung up while it waited. Whether nobody is left to wait for."""
        self._waiting.pop(member, None)
        return not self._waiting

    def flush(self) -> list[PendingRequest]:
        """The window closes: its batch. What arrives from now on is the next window's."""
        batch = list(self._waiting)
        self._waiting.clear()
        if batch:
            self._fan_out += 0.3 * (len(batch) - self._fan_out)
        if self._lingering:
            self._lingers.append(len(batch) > 1)
            self._lingering = False
        return batch

    def acquire(self) -> None:
        """A call of this key is on its way."""
        self.in_flight += 1

    def release(self, seconds: float | None) -> bool:
        """A call came back after ``seconds`` (None: it failed). Whether those who waited for it must leave now."""
        self.in_flight -= 1
        if seconds is not None:
            self._times.append(seconds)
        return bool(self._waiting)

    def deadline(self) -> float:
        """Seconds that a merged call is given."""
        return max(self._settings.deadline_floor, self._settings.deadline_factor * self._quantile(0.95, 0.0))

    def paused(self, now: float) -> bool:
        """Whether merging is off after failures."""
        return now < self._paused_until

    def record_failure(self, now: float) -> bool:
        """A merged answer was refused: stop merging for a while, twice as long as the last time. Whether that is new.

        What was sent before the pause began and fails in it is part of the same failure.
        """
        if self.paused(now):
            return False
        self._pause = min(self._settings.pause_max, max(self._settings.pause_first, 2 * self._pause))
        self._paused_until = now + self._pause
        return True

    def record_success(self) -> None:
        """It works again: the next pause is a short one."""
        self._pause = 0.0

    def record_merge(self, keys: int, rows: int, size: int) -> None:
        """A merged answer was good: ``rows`` rows and ``size`` bytes for ``keys`` keys."""
        self.record_success()
        self.size_per_key += 0.3 * (size / keys - self.size_per_key)
        self.rows_per_key = max(1.0, rows / keys, 0.9 * self.rows_per_key)

    def too_large(self, limit: int) -> bool:
        """Whether answers for one key were larger than ``limit`` lately. Each time it forgets a little of it, so that
        one large answer does not end merging for good.
        """
        if self.size_per_key <= limit:
            return False
        self.size_per_key *= SIZE_DECAY
        return True

    def _longest_wait(self) -> float:
        return min(self._settings.max_wait, 0.5 * self._quantile(0.5, 2 * self._settings.max_wait))

    def _should_linger(self) -> bool:
        found = sum(self._lingers)
        return self._fan_out > FAN_OUT_SIZE and 2 * found >= len(self._lingers)

    def _quantile(self, share: float, unknown: float) -> float:
        if not self._times:
            return unknown
        times = sorted(self._times)
        return times[min(len(times) - 1, int(share * len(times)))]


class SchedulerRegistry:
    """The gates in use, bounded: the longest unused idle one makes room."""

    def __init__(self, limit: int, make: Callable[[], BatchScheduler]) -> None:
        self._schedulers: OrderedDict[tuple[str | int, bytes], BatchScheduler] = OrderedDict()
        self._limit = limit
        self._create = make

    def __len__(self) -> int:
        return len(self._schedulers)

    def find(self, what: str | int, identity: bytes) -> BatchScheduler | None:
        """The gate for a key, if there is one."""
        return self._schedulers.get((what, identity))

    def get(self, what: str | int, identity: bytes) -> BatchScheduler | None:
        """The gate for a fingerprint, or a hash of what else look-alikes have in common; None when every tracked one
        is busy.
        """
        key = (what, identity)
        gate = self._schedulers.get(key)
        if gate is not None:
            self._schedulers.move_to_end(key)
            return gate
        if len(self._schedulers) >= self._limit and not self._evict_idle():
            return None
        gate = self._schedulers[key] = self._create()
        return gate

    def paused(self, now: float) -> int:
        """How many keys are not merged now, after failures."""
        return sum(gate.paused(now) for gate in self._schedulers.values())

    def _evict_idle(self) -> bool:
        for key, gate in self._schedulers.items():
            if gate.idle:
                del self._schedulers[key]
                return True
        return False
