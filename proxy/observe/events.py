"""What happened, said once as a value; metrics and log are readers of it."""

from collections import Counter
from collections.abc import Callable
from typing import get_args

import msgspec

from proxy.findings.model import Finding
from proxy.model import Span, Trace

NO_ANSWER = 0
CANCELLED = -1


class RequestAnswered(msgspec.Struct, frozen=True, gc=False):
    """A client has its answer, or is gone."""

    span: Span
    hop: float
    """Seconds that fanin itself took."""
    trace: str = ""
    """The id of the trace that it is part of; empty where there is none."""
    fault: str = ""
    """A key of ``errors.FAULTS`` where the answer, or its end, was fanin's own error."""
    saves: str = ""
    """The code of the rule whose call answered it; empty when its own did, or none."""
    parent: bytes = b""
    """Value of its ``traceparent``, where ``otlp.endpoint`` is set; empty when absent."""


class UpstreamCalled(msgspec.Struct, frozen=True, gc=False):
    """An upstream call ended. ``kind``: original, merged, shared, fallback, shadow, types, part, outside, tunnel;
    ``status`` may be NO_ANSWER or CANCELLED. Calls that never had a place among the calls are none.
    """

    relation: str
    kind: str
    seconds: float
    """From the moment that it was sent."""
    status: int
    method: str = "GET"
    costs: str = ""
    """The code of the rule on whose account it was made; empty when it was one request's own."""
    call: int = 0
    """The number that the spans it answers have as theirs; 0 where it answers nobody."""


class HealthChecked(msgspec.Struct, frozen=True):
    """A connection to upstream was tried, for nobody, to see whether it is ``up``."""

    up: bool


class WindowClosed(msgspec.Struct, frozen=True, gc=False):
    """A window closed: its size, and how long its first member waited."""

    size: int
    waited: float


class FellBack(msgspec.Struct, frozen=True):
    """A merged or shared answer was not used.

    ``reason`` is a key of ``errors.DOUBTS``; ``detail`` names a header at most.
    """

    reason: str
    detail: str
    relation: str
    requests: int


class MergingPaused(msgspec.Struct, frozen=True):
    """A query is not merged for a while: for one identity after a doubt (a key of ``errors.DOUBTS``), for every one
    after a ``mismatch``.
    """

    reason: str


class AnswersCompared(msgspec.Struct, frozen=True):
    """Merged answers were compared with the originals, or could not be. ``result`` is a key of ``errors.COMPARED``."""

    result: str
    answers: int


class RequestRefused(msgspec.Struct, frozen=True):
    """A connection was turned down before it made a request; ``code`` is a key of ``errors.FAULTS``."""

    code: str


class TraceClosed(msgspec.Struct, frozen=True):
    """A trace closed, with what the rules found in it."""

    trace: Trace
    findings: tuple[Finding, ...]


class WorkloadInspected(msgspec.Struct, frozen=True):
    """The workload as a whole was looked at: what the rules found in it that is new, or was forgotten."""

    findings: tuple[Finding, ...]


class SettingsReloaded(msgspec.Struct, frozen=True):
    """Settings were read again: the names of those that have another value now; None when they did not fit."""

    changed: tuple[str, ...] | None


class Warned(msgspec.Struct, frozen=True):
    """Something the operator should know: what, and what to do."""

    what: str
    remedy: str
    error: BaseException | None = None


Event = (
    RequestAnswered
    | UpstreamCalled
    | HealthChecked
    | WindowClosed
    | FellBack
    | MergingPaused
    | AnswersCompared
    | RequestRefused
    | TraceClosed
    | WorkloadInspected
    | SettingsReloaded
    | Warned
)
Observer = Callable[[Event], None]

FAILURES = 3
"""An observer that raised this often is switched off."""


class Events:
    """Tells observers. One that raises is counted, and switched off when it keeps failing: traffic goes on."""

    def __init__(self) -> None:
        self._observers: dict[type[Event], tuple[Observer, ...]] = dict.fromkeys(get_args(Event), ())
        self._failures: Counter[Observer] = Counter()

    def subscribe(self, observer: Observer, *kinds: type[Event]) -> None:
        """From now on ``observer`` hears the events of ``kinds``; all events where it names none."""
        for kind in kinds or get_args(Event):
            self._observers[kind] += (observer,)

    def bug(self, what: str, error: BaseException) -> None:
        """Warn of an exception that is fanin's own fault and was caught so that traffic goes on."""
        self.emit(Warned(what, "This is a bug: report it.", error))

    def emit(self, event: Event) -> None:
        for observer in self._observers[type(event)]:
            try:
                observer(event)
            except Exception as error:
                self._failed(observer, error)

    def _failed(self, observer: Observer, error: Exception) -> None:
        self._failures[observer] += 1
        if self._failures[observer] == FAILURES:
            for kind, observers in self._observers.items():
                self._observers[kind] = tuple([other for other in observers if other != observer])
            name = getattr(observer, "__qualname__", type(observer).__name__)
            self.emit(Warned(f"observer {name} failed {FAILURES} times and is off", "Report this.", error))
