"""Finds the end of a head in a growing buffer. Each byte is searched once, however many reads there are.

A head that cannot become valid is an error as soon as that is certain, so that its connection is not held until a
timeout.
"""

from collections.abc import Callable

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import has_bare_lf

_LONG_METHOD = b"GET "
_TARGET_PREFIX = 4096
"""Bytes of a target that are passed to ``may_be_long``: more than the longest mount."""
MAX_EMPTY_LINES = 16
"""The most empty lines that are ignored before a request line. RFC 9112 §2.2 asks for at least one."""

MAX_RESPONSE_HEAD = 256 * 1024
"""The most bytes of an answer's head. PostgREST echoes the whole merged URL in Content-Location."""
MAX_RESPONSE_LINES = 1000
"""The most header lines of an answer, as many as the default of ``limits.header_lines``."""
_STATUS_LINES = (b"HTTP/1.0 ", b"HTTP/1.1 ")
_STATUS_PREFIX = len(b"HTTP/1.1 200 ")


class HeadLimits(msgspec.Struct, frozen=True):
    """Largest sizes of a head in bytes. Only a GET with a long request line may exceed ``short``, up to ``long``."""

    short: int
    long: int
    may_be_long: Callable[[bytes], bool]
    """Called once per long head, with the first bytes of the target."""


def find_short_end(buffer: bytearray, limits: HeadLimits) -> int:
    """End of the head at the start of ``buffer`` if it is complete and short, the usual case; else -1.

    After -1 a ``HeadScanner`` has to search.
    """
    end = buffer.find(b"\r\n\r\n", 0, limits.short + 4)
    return end if end > 0 and buffer[0] != 0x0D else -1


class HeadScanner:
    """The search for the end of one head."""

    def __init__(self, limits: HeadLimits) -> None:
        self.is_long = False
        """Whether the head is known to be longer than ``limits.short``."""
        self._limits = limits
        self._searched = 0  # bytes are searched once: else a head that arrives byte by byte takes quadratic time
        self._line_end = -1
        self._empty_lines = 0

    def find_end(self, buffer: bytearray) -> int:
        """Start of the empty line that ends the head; -1 if it has not arrived. Removes empty lines before the head.

        FaultError FANIN109 if the head is too long, FANIN102 if it has a bare LF, FANIN101 after too many empty lines.
        """
        while buffer[:2] == b"\r\n":
            self._empty_lines += 1
            if self._empty_lines > MAX_EMPTY_LINES:
                raise FaultError("FANIN101", f"more than {MAX_EMPTY_LINES} empty lines before it")
            del buffer[:2]
            self._searched = 0
        end = buffer.find(b"\r\n\r\n", max(self._searched - 3, 0))
        size = end if end >= 0 else len(buffer) - 3  # the last 3 bytes may belong to the empty line
        if size > self._limits.short:
            self._check_size(buffer, size)
        if end < 0:
            if has_bare_lf(buffer, self._searched):
                raise FaultError("FANIN102")
            self._searched = len(buffer)
        return end

    def _check_size(self, buffer: bytearray, size: int) -> None:
        """Raise FANIN109 if a head of at least ``size`` bytes is too long."""
        start = max(self._searched - 1, 0) if self.is_long else 0
        if not self.is_long:
            target = bytes(buffer[len(_LONG_METHOD) : len(_LONG_METHOD) + _TARGET_PREFIX])
            if not buffer.startswith(_LONG_METHOD) or not self._limits.may_be_long(target):
                raise FaultError("FANIN109", "limits.head_bytes")
            self.is_long = True
        if self._line_end < 0:
            self._line_end = buffer.find(b"\r\n", start)
        if self._line_end >= 0 and size - self._line_end > self._limits.short:
            raise FaultError("FANIN109", "limits.head_bytes, without the request line")
        if size > self._limits.long:
            raise FaultError("FANIN109", "limits.long_head_bytes")


class ResponseHeadScanner:
    """The search for the end of an answer's head."""

    def __init__(self) -> None:
        self._searched = 0

    def find_end(self, buffer: bytearray) -> int:
        """Start of the empty line that ends the head; -1 if it has not arrived.

        FaultError FANIN503 if it is too long, or if it is incomplete and begins with bytes that are not of a status
        line, or has a bare LF: whoever parses a complete head sees that.
        """
        if not buffer:
            return -1
        end = buffer.find(b"\r\n\r\n", max(self._searched - 3, 0))
        if (end if end >= 0 else len(buffer) - 3) > MAX_RESPONSE_HEAD:
            raise FaultError("FANIN503", f"head larger than {MAX_RESPONSE_HEAD} bytes")
        if end < 0:
            if self._searched < _STATUS_PREFIX and not begins_status_line(bytes(buffer[:_STATUS_PREFIX])):
                raise FaultError("FANIN503", "it does not begin with a status line")
            if has_bare_lf(buffer, self._searched):
                raise FaultError("FANIN503", "a line of the head ends without CR")
            self._searched = len(buffer)
        elif buffer.count(b"\r\n", 0, end) > MAX_RESPONSE_LINES:
            raise FaultError("FANIN503", f"more than {MAX_RESPONSE_LINES} header lines")
        return end


def begins_status_line(prefix: bytes) -> bool:
    """Whether a status line of HTTP/1 may begin with ``prefix``, which may be empty (RFC 9112 §4)."""
    version, rest = prefix[:9], prefix[9:]
    if not any(line.startswith(version) for line in _STATUS_LINES):
        return False
    digits, after = rest[:3], rest[3:4]
    return (not digits or (digits.isdigit() and digits[:1] != b"0")) and after in (b"", b" ", b"\r")
