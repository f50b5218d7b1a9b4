"""Overload control of the calls to upstream: the I/O around ``path.overload``.

Tests: tests/e2e/limits/test_overload.py.
"""

import random
from collections import Counter
from collections.abc import Callable

from proxy.errors.codes import REFUSED_CODES, FaultError
from proxy.path.overload.admission import Admission, CallKind
from proxy.path.overload.call_limit import CallLimit
from proxy.path.overload.circuit import Circuit
from proxy.settings.resources import OverloadSettings

MAX_RETRY_AFTER = 5
"""Clients are told to repeat after 1 to so many seconds, at random: else all would repeat at the same moment."""
POOL_TIMEOUT = 504
"""The status of PGRST003: PostgREST had no connection to the database for all the time that a call took."""
DRAW = random.SystemRandom().random


def fault_for_each(code: str, draw: Callable[[], float] = DRAW) -> FaultError:
    """The error of a merged or shared call for one of its requests, which are not to be repeated all at once."""
    return FaultError(code, retry_after=_seconds(draw) if code in REFUSED_CODES else 1)


def _seconds(draw: Callable[[], float]) -> int:
    return 1 + int(draw() * MAX_RETRY_AFTER)


class OverloadControl:
    """Decides for one pool of calls. ``draw`` returns random numbers from 0 to 1."""

    def __init__(
        self, settings: OverloadSettings, most: int, clock: Callable[[], float], draw: Callable[[], float] = DRAW
    ) -> None:
        self.admission = Admission(settings.target, settings.interval)
        self.limit = CallLimit(settings.min_calls, most)
        self.circuit = Circuit(settings.circuit_failures, settings.circuit_wait)
        self.refused: Counter[str] = Counter({"retry": 0, "read": 0, "write": 0, "circuit": 0})
        """Number of calls that were refused, by kind; and those for an open circuit."""
        self.now = clock
        self._draw = draw

    def refusal(self, kind: CallKind) -> FaultError:
        """The error for a call that is refused because calls queue, counted."""
        self.refused[kind] += 1
        self.admission.record_refusal(kind, self.now())
        return fault_for_each("FANIN513", self._draw)

    def check_circuit(self) -> bool:
        """True if this call tries whether upstream can be reached again. FaultError FANIN512 if it cannot, and it is
        not time for another try.
        """
        is_open = self.circuit.open
        if self.circuit.allows(self.now()):
            return is_open
        self.refused["circuit"] += 1
        raise fault_for_each("FANIN512", self._draw)

    def connect_failed(self) -> None:
        """A connection to upstream failed."""
        self.circuit.record_failure(self.now(), 0.5 + self._draw() / 2)

    def record_answer(self, kind: str, seconds: float, in_flight: int, status: int) -> None:
        """A call of a ``kind`` was answered after ``seconds``, with ``in_flight`` calls in flight, itself included."""
        self.circuit.record_success()
        if status < 500 or status == POOL_TIMEOUT:
            self.limit.record(kind, seconds, in_flight, self.now())
