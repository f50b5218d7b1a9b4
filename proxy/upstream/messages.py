"""A request to upstream, and upstream's answer to it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from proxy.allowed_differences import FRAMING_HEADERS
from proxy.errors.codes import FaultError
from proxy.http1.answer_head import AnswerHead
from proxy.http1.head import UNREAD, HeaderField, StatusLine, first_value, tokens
from proxy.postgrest.response.problem import known_error_code
from proxy.transport.connection import Body, EndOfStreamError
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.timeouts import CallPath

CLOSING = frozenset((b"close", UNREAD))
"""Elements of ``Connection`` after which no other call is sent."""

FIRST_ERROR = 400
"""The lowest status of an error."""
MAX_ERROR_BODY = 20_000
"""Maximum bytes of an error's body that are kept for its code."""

OnInterim = Callable[[StatusLine, tuple[HeaderField, ...]], Awaitable[None]]


class UpstreamAnswer:
    """An answer's head, and its body as a stream."""

    def __init__(
        self,
        connection: UpstreamConnection,
        head: AnswerHead,
        body: Body,
        idle_setting: str = "timeouts.upstream_idle",
    ) -> None:
        self.connection = connection
        self.head = head
        self.line = head.line
        self.fields = head.fields
        self.body = body
        self._idle_setting = idle_setting
        self._error_body = b""

    @property
    def status(self) -> int:
        return self.line.status

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another call: the whole body was read, and upstream does not close.

        An answer that has no body, but says that it has one, may be followed by it.
        """
        if self.head.as_received:  # then it has no ``Connection``, and a body
            return self.body.done and not self.connection.ended
        bodiless = self.line.status in (204, 304) and any(
            field.name in FRAMING_HEADERS and field.value != b"0" for field in self.fields
        )
        return (
            self.body.done
            and not bodiless
            and not self.connection.ended
            and self.line.minor == 1
            and not CLOSING.intersection(tokens(self.fields, b"connection"))
        )

    @property
    def error_code(self) -> str:
        """The code of PostgREST's error, if this is one: a SQLSTATE or ``PGRST…``; else empty.

        The code of an error that a function of the database raises may be any text: then it is empty too.
        """
        if self.status < FIRST_ERROR:
            return ""
        return known_error_code(self._error_body, first_value(self.fields, b"proxy-status"))

    def ready(self) -> bytes:
        """The data of the body that has arrived and was not read yet."""
        data = self.body.ready()
        self._keep_error(data)
        return data

    async def read(self, limit: int) -> bytes | None:
        """The whole body; None when it is larger than ``limit`` bytes. Raises what ``pieces`` raises."""
        pieces, size = [], 0
        async for piece in self.pieces():
            size += len(piece)
            if size > limit:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body's data as it arrives. FaultError FANIN502 if it ends early, FANIN504 if it stalls."""
        try:
            async for piece in self.body.pieces():
                self._keep_error(piece)
                yield piece
        except EndOfStreamError:
            raise FaultError("FANIN502", "in the body") from None
        except TimeoutError:
            raise FaultError("FANIN504", f"no byte of the body for {self._idle_setting}") from None

    def _keep_error(self, data: bytes) -> None:
        """Keep the body of an error for ``error_code``, unless it is longer than PostgREST's are."""
        if self.status >= FIRST_ERROR and len(self._error_body) <= MAX_ERROR_BODY:
            self._error_body += data


class UpstreamRequest(msgspec.Struct, frozen=True, eq=False):
    """A request to send. ``head`` ends with the empty line; ``body`` is a stream, or None if there is none."""

    method: bytes
    head: bytes
    body: Body | None = None
    on_interim: OnInterim | None = None
    """Called with the head of each 1xx answer."""
    keep_alive: bool = True
    """Whether the connection may carry another call afterwards."""
    upgrade: bool = False
    """Whether 101 is a valid answer."""
    already_waited: float = 0.0
    """Seconds of the timeout for the head that the client has waited already."""
    path: CallPath = "relation"
    """Which timeouts apply."""
    retry: bool = False
    """Whether the client says that it is a retry: those are refused first."""
    on_sent: Callable[[], None] | None = None
    """Called when an ``ObservedCall`` is sent."""
