"""Calls that count: what was sent upstream is told once, when it is over; what was never sent is not."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Events, UpstreamCalled
from proxy.upstream.client import Upstream, UpstreamAnswer, UpstreamConnection, UpstreamRequest

if TYPE_CHECKING:
    from proxy.upstream.pool import ConnectionPool


class CallLabels(msgspec.Struct, frozen=True):
    """What is told of a call beside what came of it: see ``UpstreamCalled``."""

    kind: str
    method: bytes
    relation: str
    costs: str = ""
    number: int = 0


class ObservedCall:
    """``async with Call(…) as answer``: as ``Upstream.send``, and observers hear of it."""

    def __init__(
        self,
        upstream: Upstream,
        lane: "ConnectionPool[UpstreamConnection]",
        outgoing: UpstreamRequest,
        note: CallLabels,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        self._also_on_sent = outgoing.on_sent
        self._call = upstream.send(lane, msgspec.structs.replace(outgoing, on_sent=self._on_sent))
        self._labels = note
        self._events = events
        self._clock = clock
        self._began: float | None = None
        self._status = CANCELLED

    @property
    def sent(self) -> bool:
        """Whether it had its place among the calls: before, upstream has heard nothing of it."""
        return self._began is not None

    @property
    def seconds(self) -> float:
        """Since it was sent; 0 before."""
        return 0.0 if self._began is None else self._clock() - self._began

    async def __aenter__(self) -> UpstreamAnswer:
        try:
            answer = await self._call.__aenter__()
        except BaseException as error:
            self._emit(error)
            raise
        self._status = answer.status
        return answer

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._call.__aexit__(kind, value, trace)
        finally:
            self._emit(value)

    def _on_sent(self) -> None:
        self._began = self._clock()
        if self._also_on_sent is not None:
            self._also_on_sent()

    def _emit(self, error: BaseException | None) -> None:
        if not self.sent:
            return
        status = self._status
        if isinstance(error, FaultError):  # upstream's, or the caller's whose body broke off
            status = NO_ANSWER if error.fault.code.startswith("FANIN5") else CANCELLED
        note = self._labels
        method = note.method.decode()
        self._events.emit(
            UpstreamCalled(note.relation, note.kind, self.seconds, status, method, note.costs, note.number)
        )
