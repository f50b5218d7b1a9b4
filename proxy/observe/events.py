"""Events of a running fanin, and their dispatch to observers: metrics, log, traces."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import get_args

import msgspec

from proxy.errors.codes import FaultError
from proxy.findings.model import Finding
from proxy.model import Span, Trace

NO_ANSWER = 0
CANCELLED = -1


class RequestAnswered(msgspec.Struct, frozen=True, gc=False):
    """A request ended: its client has the answer, or disconnected."""

    span: Span
    hop: float
    """Seconds that fanin itself took."""
    trace: str = ""
    """The id of its trace; empty without a trace."""
    fault: str = ""
    """A key of ``errors.codes.FAULTS`` if the answer was, or ended with, an error of fanin; else empty."""
    saves: str = ""
    """The code of the rule that saved its upstream call; empty if it had its own call, or no answer."""
    parent: bytes = b""
    """Value of its ``traceparent`` header if ``otlp.endpoint`` is set; else empty."""
    function: str = ""
    """The name of the function that it called, as it was sent."""


class UpstreamCalled(msgspec.Struct, frozen=True, gc=False):
    """An upstream call ended; a call that never got a connection has no event.

    ``kind``: original, merged, shared, fallback, refill, shadow, probation, types, part, outside, tunnel. ``status``
    may be NO_ANSWER or CANCELLED.
    """

    relation: str
    kind: str
    seconds: float
    """Seconds from sending the call to the end of its answer."""
    status: int
    method: str = "GET"
    costs: str = ""
    """The code of the rule that made the call; empty for the call of one request."""
    call: int = 0
    """``Span.call`` of the requests that it answers; 0 if it answers none."""
    fault: FaultError | None = None
    """Why there is no answer, if ``status`` is NO_ANSWER."""
    fingerprint: str = ""
    """That of the requests that it answers; empty if it answers none of a relation."""
    merged_by: str = ""
    """The column whose values a merged call lists."""
    function: str = ""
    """The name of the function that it calls, as it was sent."""
    error_code: str = ""
    """PostgREST's code of an error: a SQLSTATE or ``PGRST…``; empty without one."""


class HealthChecked(msgspec.Struct, frozen=True):
    """A health check tried to connect to upstream."""

    up: bool


class UpstreamRecovered(msgspec.Struct, frozen=True):
    """Upstream is up again, ``seconds`` after a warning said that it is down."""

    seconds: float


class NotificationsResumed(msgspec.Struct, frozen=True):
    """Notifications of writes are received again, ``seconds`` after they were lost."""

    seconds: float


class WindowClosed(msgspec.Struct, frozen=True, gc=False):
    """A window closed: its number of requests, and the seconds that its first request waited."""

    size: int
    waited: float


class FellBack(msgspec.Struct, frozen=True):
    """A merged or shared answer was not used, and the original requests were sent.

    ``reason`` is a key of ``errors.codes.FALLBACK_REASONS``; ``detail`` contains at most the name of a header.
    """

    reason: str
    detail: str
    relation: str
    requests: int


class HeaderDiffered(msgspec.Struct, frozen=True):
    """Reads were sent alone while similar ones were in flight, only because request headers differ in each call.

    ``headers`` are the names, joined by commas; at most ``path.differing_headers.MAX_REPORTED`` different texts.
    """

    headers: str
    reads: int


class MergingPaused(msgspec.Struct, frozen=True):
    """Merging of a query was paused.

    ``reason`` is a fallback reason (a pause for one identity), or ``mismatch`` (a pause for all identities).
    """

    reason: str


class AnswersCompared(msgspec.Struct, frozen=True):
    """Merged answers were compared with the originals; ``result`` is a key of ``errors.codes.COMPARISON_RESULTS``."""

    result: str
    answers: int


class MemoUsed(msgspec.Struct, frozen=True, gc=False):
    """A request was answered from the memo of its trace, ``age`` seconds after its answer was asked for."""

    age: float


class CacheUsed(msgspec.Struct, frozen=True, gc=False):
    """A request was answered from the cache, ``age`` seconds after its answer was asked for."""

    age: float


class RequestRefused(msgspec.Struct, frozen=True):
    """A request could not be read, or a connection was above the limit: fanin answered with the fault ``code``, a key
    of ``errors.codes.FAULTS``.
    """

    code: str


class TraceClosed(msgspec.Struct, frozen=True):
    """A trace closed; the rules made ``findings``."""

    trace: Trace
    findings: tuple[Finding, ...]


class WorkloadInspected(msgspec.Struct, frozen=True):
    """The rules ran on the workload; ``findings`` are those that are not stored yet."""

    findings: tuple[Finding, ...]


class SettingsReloaded(msgspec.Struct, frozen=True):
    """The settings were reloaded: names of the changed settings; None if the new settings are invalid."""

    changed: tuple[str, ...] | None


class Warned(msgspec.Struct, frozen=True):
    """A warning for the operator: what happened, and what to do."""

    what: str
    remedy: str
    error: BaseException | None = None


Event = (
    RequestAnswered
    | UpstreamCalled
    | HealthChecked
    | UpstreamRecovered
    | NotificationsResumed
    | WindowClosed
    | FellBack
    | HeaderDiffered
    | MergingPaused
    | AnswersCompared
    | MemoUsed
    | CacheUsed
    | RequestRefused
    | TraceClosed
    | WorkloadInspected
    | SettingsReloaded
    | Warned
)
Observer = Callable[[Event], None]

FAILURES = 3
"""An observer is removed after it raised this many exceptions."""


class Events:
    """Dispatches events to observers. An exception of an observer never reaches the code that emits the event."""

    def __init__(self) -> None:
        self._observers: dict[type[Event], tuple[Observer, ...]] = dict.fromkeys(get_args(Event), ())
        self._failures: Counter[Observer] = Counter()

    def subscribe(self, observer: Observer, *kinds: type[Event]) -> None:
        """Call ``observer`` with events of ``kinds``, or with all events if there are none."""
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

    def emit_in_steps(self, event: Event) -> Iterator[None]:
        """Same as ``emit``, one step per observer, or several if it has a method ``in_steps``."""
        for observer in self._observers[type(event)]:
            try:
                in_steps = getattr(observer, "in_steps", None)
                if in_steps is None:
                    observer(event)
                else:
                    yield from in_steps(event)
            except Exception as error:
                self._failed(observer, error)
            yield

    def _failed(self, observer: Observer, error: Exception) -> None:
        self._failures[observer] += 1
        if self._failures[observer] == FAILURES:
            for kind, observers in self._observers.items():
                self._observers[kind] = tuple([other for other in observers if other != observer])
            name = getattr(observer, "__qualname__", type(observer).__name__)
            self.emit(
                Warned(f"observer {name} failed {FAILURES} times and was removed", "This is a bug: report it.", error)
            )
