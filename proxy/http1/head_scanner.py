"""Where a request's head ends in a buffer that grows: each byte is looked at once, however it comes."""

from collections.abc import Callable

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import has_bare_lf

_LONG_METHOD = b"GET "
_TARGET_PREFIX = 4096
"""Bytes of a target that tell whether a long one is allowed: more than any mount has."""


class HeadLimits(msgspec.Struct, frozen=True):
    """Bytes that a head may have. Only its request line may make it longer than ``short``, and only a GET's."""

    short: int
    long: int
    may_be_long: Callable[[bytes], bool]
    """Asked once, with the beginning of the target."""


def find_short_end(buffer: bytearray, limits: HeadLimits) -> int:
    """Where the head ends that ``buffer`` begins with, if all of it is there and it is a short one, as nearly always;
    else -1, and a search has to tell.
    """
    end = buffer.find(b"\r\n\r\n", 0, limits.short + 4)
    return end if end > 0 and buffer[0] != 0x0D else -1


class HeadScanner:
    """The search for the end of one head."""

    def __init__(self, limits: HeadLimits) -> None:
        self.is_long = False
        """Whether the head is known to be longer than ``limits.short``."""
        self._limits = limits
        self._searched = 0  # nothing is searched twice, or a head in single bytes would cost the square of its length
        self._line_end = -1

    def find_end(self, buffer: bytearray) -> int:
        """Where the empty line begins; -1 while it has not come. Empty lines before the head are removed.

        FaultError FANIN109 when the head is too long, FANIN102 when it has a bare LF.
        """
        while buffer[:2] == b"\r\n":  # RFC 9112 §2.2: empty lines before a request line are ignored
            del buffer[:2]
            self._searched = 0
        end = buffer.find(b"\r\n\r\n", max(self._searched - 3, 0))
        size = end if end >= 0 else len(buffer) - 3  # of which the last may be three bytes of the empty line
        if size > self._limits.short:
            self._check_size(buffer, size)
        if end < 0:
            if has_bare_lf(buffer, self._searched):
                raise FaultError("FANIN102")
            self._searched = len(buffer)
        return end

    def _check_size(self, buffer: bytearray, size: int) -> None:
        """FANIN109 unless a head of ``size`` bytes or more may be in ``buffer``."""
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
