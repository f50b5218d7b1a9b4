"""Upstream calls with events: one event per call, when it has ended, and none for a call that was never sent."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Events, UpstreamCalled
from proxy.postgrest.response.gateway import Gateway
from proxy.upstream.client import Upstream, UpstreamPool
from proxy.upstream.messages import UpstreamAnswer, UpstreamRequest
from proxy.upstream.mount import Mount

if TYPE_CHECKING:
    from proxy.upstream.timeouts import CallPath


class CallLabels(msgspec.Struct, frozen=True):
    """The fields of a call's event that are known before it is sent: see ``UpstreamCalled``."""

    kind: str
    method: bytes
    relation: str
    costs: str = ""
    number: int = 0
    fingerprint: str = ""
    merged_by: bytes = b""
    function: bytes = b""


class UpstreamContext(msgspec.Struct, frozen=True, eq=False):
    """How upstream is called: the client, the connection pool, the paths, the gateway, and where events go."""

    client: Upstream
    pool: UpstreamPool
    mount: Mount
    gateway: Gateway
    events: Events
    clock: Callable[[], float]

    def request(
        self, method: bytes, target: bytes, headers: bytes, on_sent: Callable[[], None] | None = None
    ) -> UpstreamRequest:
        """A request without a body. ``headers`` are lines with their CRLF; ``target`` is as clients write it."""
        line = b"%b %b HTTP/1.1\r\n" % (method, self.mount.upstream_target(target))
        path: CallPath = "rpc" if self.mount.is_function(target) else "relation"
        return UpstreamRequest(method, b"".join((line, headers, b"\r\n")), on_sent=on_sent, path=path)

    def call(self, request: UpstreamRequest, labels: CallLabels) -> "ObservedCall":
        """A call over this context's pool."""
        return ObservedCall(self, self.pool, request, labels)


class ObservedCall:
    """``async with context.call(…) as answer``: same as ``Upstream.send``, and emits ``UpstreamCalled``."""

    def __init__(
        self,
        context: UpstreamContext,
        pool: UpstreamPool,
        request: UpstreamRequest,
        labels: CallLabels,
    ) -> None:
        self._also_on_sent = request.on_sent
        self._pool = pool
        self._call = context.client.send(pool, request, self._on_sent)
        self._labels = labels
        self._events = context.events
        self._clock = context.clock
        self._began: float | None = None
        self._status = CANCELLED
        self._answer: UpstreamAnswer | None = None

    @property
    def sent(self) -> bool:
        """Whether the pool let the call start. Before that, nothing was sent to upstream."""
        return self._began is not None

    @property
    def seconds(self) -> float:
        """Time since the call was sent; 0 before that."""
        return 0.0 if self._began is None else self._clock() - self._began

    async def __aenter__(self) -> UpstreamAnswer:
        try:
            answer = await self._call.__aenter__()
        except BaseException as error:
            self._emit(error)
            raise
        self._status = answer.status
        self._answer = answer
        if self._pool.overload is not None:
            kind = f"{self._labels.kind} {self._labels.relation}"
            self._pool.overload.record_answer(kind, self.seconds, self._pool.busy, answer.status)
        return answer

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._call.__aexit__(kind, value, trace)
        finally:
            self._emit(value)

    def _on_sent(self) -> None:
        if self._also_on_sent is not None:
            self._also_on_sent()  # first: if it fails, nothing is sent
        self._began = self._clock()

    def _emit(self, error: BaseException | None) -> None:
        if not self.sent:
            return
        status, fault, labels = self._status, None, self._labels
        if isinstance(error, FaultError):  # upstream's fault; else an incomplete body of the client, or no descriptor
            code = error.fault.code
            status = NO_ANSWER if code.startswith("FANIN5") and code != "FANIN509" else CANCELLED
            fault = error if status == NO_ANSWER else None
        self._events.emit(
            UpstreamCalled(
                labels.relation,
                labels.kind,
                self.seconds,
                status,
                labels.method.decode(),
                labels.costs,
                labels.number,
                fault,
                labels.fingerprint,
                labels.merged_by.decode("utf-8", "replace") if labels.merged_by else "",
                labels.function.decode("utf-8", "replace") if labels.function else "",
                "" if self._answer is None else self._answer.error_code,
            )
        )
