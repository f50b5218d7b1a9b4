"""Calls that are counted: observers hear of each call once, when it is over, and of no call that was never sent."""

from collections.abc import Callable
from types import TracebackType

import msgspec

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Events, UpstreamCalled
from proxy.postgrest.response.gateway import Gateway
from proxy.upstream.client import Upstream, UpstreamAnswer, UpstreamConnection, UpstreamRequest
from proxy.upstream.mount import Mount
from proxy.upstream.pool import ConnectionPool


class CallLabels(msgspec.Struct, frozen=True):
    """What observers are told of a call besides its result: see ``UpstreamCalled``."""

    kind: str
    method: bytes
    relation: str
    costs: str = ""
    number: int = 0


class UpstreamContext(msgspec.Struct, frozen=True, eq=False):
    """How upstream is called: by which client, over which pool, under which paths, and who hears of it."""

    client: Upstream
    pool: ConnectionPool[UpstreamConnection]
    mount: Mount
    gateway: Gateway
    events: Events
    clock: Callable[[], float]

    def request(
        self, method: bytes, target: bytes, headers: bytes, on_sent: Callable[[], None] | None = None
    ) -> UpstreamRequest:
        """A request without a body; ``headers`` are lines with their CRLF, ``target`` is as clients write it."""
        line = b"%b %b HTTP/1.1\r\n" % (method, self.mount.upstream_target(target))
        return UpstreamRequest(method, b"".join((line, headers, b"\r\n")), on_sent=on_sent)

    def call(self, request: UpstreamRequest, labels: CallLabels) -> "ObservedCall":
        """A call over the pool."""
        return ObservedCall(self, self.pool, request, labels)


class ObservedCall:
    """``async with context.call(…) as answer``: as ``Upstream.send``, and observers hear of it."""

    def __init__(
        self,
        context: UpstreamContext,
        pool: ConnectionPool[UpstreamConnection],
        request: UpstreamRequest,
        labels: CallLabels,
    ) -> None:
        self._also_on_sent = request.on_sent
        self._call = context.client.send(pool, msgspec.structs.replace(request, on_sent=self._on_sent))
        self._labels = labels
        self._events = context.events
        self._clock = context.clock
        self._began: float | None = None
        self._status = CANCELLED

    @property
    def sent(self) -> bool:
        """Whether it had its place in the pool: before, upstream has heard nothing of it."""
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
        labels, seconds = self._labels, self.seconds
        method = labels.method.decode()
        self._events.emit(
            UpstreamCalled(labels.relation, labels.kind, seconds, status, method, labels.costs, labels.number)
        )
