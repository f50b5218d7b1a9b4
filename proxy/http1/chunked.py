"""Chunked bodies (RFC 9112 §7.1): a strict incremental decoder, and the encoder."""

from proxy.errors.codes import FaultError
from proxy.http1.head import has_bare_lf

_HEX = b"0123456789abcdefABCDEF"
_EXTENSION = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
MAX_LINE_BYTES = 4096
"""Largest number of bytes of a chunk-size line with its extension, and of the trailer section."""

MAX_TRAILERS = 64
"""The most lines of the trailer section."""
FREE_LINE_BYTES = 16
MAX_OVERHEAD = 16 * 1024
"""The most bytes of chunk-size lines beyond ``FREE_LINE_BYTES`` each and twice the data, as in Go's net/http."""
MAX_STEPS = 96
"""The most lines and pieces of data that are decoded at once: 32 chunks. A client can send chunks of one byte as
fast as they can be decoded, and others must have their turn.
"""

LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Encode ``data`` (not empty) as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def frame_data(data: bytes, chunked: bool) -> bytes:
    """``data`` as a part of a body. Empty data stays empty, because an empty chunk would end the body."""
    return chunk(data) if chunked and data else data


class ChunkDecoder:
    """Decodes a chunked body from a buffer. ``done`` is True after the last chunk and its trailer section.

    A malformed chunk raises FaultError with the code ``fault``. Chunk extensions and trailers are dropped: PostgREST
    does not use them, and a server that parses them differently could read part of them as a request.
    """

    def __init__(self, fault: str) -> None:
        self.done = False
        self.unfinished = False
        """Whether ``decode`` returned although more can be decoded at once: it did ``MAX_STEPS`` steps."""
        self.steps = 0
        """Steps of the last call of ``decode``."""
        self._fault = fault
        self._chunk_left = 0
        self._after_data = False
        self._trailers = False
        self._trailer_bytes = 0
        self._trailer_lines = 0
        self._overhead = 0

    def decode(self, buffer: bytearray) -> bytes:
        """Remove the bytes of the body from ``buffer``, as far as they have arrived, and return the decoded data.

        This does at most ``MAX_STEPS`` steps: one for each line and each piece of data.
        """
        out: list[bytes] = []
        self.steps = 0
        while self.steps < MAX_STEPS and not self.done and self._step(buffer, out):
            self.steps += 1
        self.unfinished = self.steps == MAX_STEPS and not self.done
        return b"".join(out)

    def _step(self, buffer: bytearray, out: list[bytes]) -> bool:
        """Decode one line or one piece of data. Returns False if more bytes are needed."""
        if self._chunk_left:
            return self._data(buffer, out)
        line = self._line(buffer)
        if line is None:
            return False
        if self._after_data:
            if line:
                raise FaultError(self._fault)
            self._after_data = False
        elif self._trailers:
            self._trailer(line)
        else:
            self._size(line)
        return True

    def _data(self, buffer: bytearray, out: list[bytes]) -> bool:
        piece = bytes(buffer[: self._chunk_left])
        if not piece:
            return False
        del buffer[: len(piece)]
        self._chunk_left -= len(piece)
        self._after_data = self._chunk_left == 0
        out.append(piece)
        return True

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\r\n", 0, MAX_LINE_BYTES + 2)
        if end < 0:
            if len(buffer) > MAX_LINE_BYTES + 1 or has_bare_lf(buffer, 0):
                raise FaultError(self._fault)
            return None
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        return line

    def _size(self, line: bytes) -> None:
        digits, _, extension = line.partition(b";")
        if not digits or len(digits) > 15 or digits.translate(None, _HEX):
            raise FaultError(self._fault)
        if extension.translate(None, _EXTENSION):
            raise FaultError(self._fault)
        self._chunk_left = int(digits, 16)
        self._overhead = max(self._overhead + len(line) - FREE_LINE_BYTES - 2 * self._chunk_left, 0)
        if self._overhead > MAX_OVERHEAD:
            raise FaultError(self._fault, "the lines of its chunks are much longer than its data")
        self._trailers = self._chunk_left == 0

    def _trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        self._trailer_lines += 1
        too_large = self._trailer_bytes > MAX_LINE_BYTES or self._trailer_lines > MAX_TRAILERS
        if too_large or line.translate(None, _EXTENSION):
            raise FaultError(self._fault)
        self.done = not line
