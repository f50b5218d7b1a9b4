"""Decides whether calls are tried while upstream cannot be reached.

After some connections in a row that failed, the circuit is open: calls are refused at once. After a wait one call is
let through (half-open). If it gets a connection, the circuit is closed; if not, the wait is twice as long.

Source: M. Nygard, Release It!; https://learn.microsoft.com/en-us/azure/architecture/patterns/circuit-breaker.
"""

MAX_WAIT = 30.0
"""Seconds between two tries at most."""


class Circuit:
    """Closed at first. Times are seconds, ``now`` of any clock that never goes back."""

    def __init__(self, failures: int, wait: float) -> None:
        self._most = failures
        self._first_wait = self._wait = wait
        self._failures = 0
        self._next_try: float | None = None
        """When the next call may be tried; None while the circuit is closed."""

    @property
    def open(self) -> bool:
        """Whether calls are refused."""
        return self._next_try is not None

    def allows(self, now: float) -> bool:
        """Whether a call may be tried now; while the circuit is open, that is one call per wait."""
        if self._next_try is None:
            return True
        if now < self._next_try:
            return False
        self._next_try = now + self._wait
        return True

    def record_failure(self, now: float, share: float) -> None:
        """A connection failed. ``share`` of the wait passes before the next try: a random number from 0.5 to 1."""
        self._failures += 1
        if self._next_try is not None:
            self._wait = min(2 * self._wait, MAX_WAIT)
        if self._failures >= self._most:
            self._next_try = now + share * self._wait

    def record_success(self) -> None:
        """A connection was opened, or a call was answered."""
        self._failures, self._next_try, self._wait = 0, None, self._first_wait
