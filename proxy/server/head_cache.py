"""Cache of parsed request heads, by the bytes of their header lines; and the lines of an answer's head for the client.

Most requests of a client have the same header lines, so that they are parsed once, or differ in the lines of tracing
systems only.
"""

from collections import OrderedDict

from proxy.allowed_differences import HOP_BY_HOP
from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, parse_fields
from proxy.model import RequestHead
from proxy.path.reading.identity import HeadRules, read_head
from proxy.server.head_templates import HeadTemplates

MAX_HEADS = 1024
"""The most heads in the cache."""
MAX_HEAD_BYTES = 8192
"""The most bytes of a head in the cache."""
MAX_BYTES = 4_000_000
"""The most bytes of all heads in the cache. In memory a head takes about five times its bytes: its lines are held as
they came, as they are forwarded, as a merged call has them, and as two identities.
"""


class HeadCache:
    """Parses blocks of at most ``max_lines`` header lines. The cache keeps the last ``MAX_HEADS`` new ones."""

    def __init__(self, rules: HeadRules, max_lines: int) -> None:
        self._max_lines = max_lines
        self._heads: OrderedDict[tuple[bytes, int], RequestHead] = OrderedDict()
        self._bytes = 0
        self._templates = HeadTemplates(
            rules, lambda block, minor: read_head(parse_fields(block, "FANIN102"), minor, rules)
        )

    def read(self, block: bytes, minor: int) -> RequestHead:
        """The head of ``block``, lines without the empty line; ``minor`` is HTTP/1's minor version. FaultError if the
        lines are too many, malformed or ambiguous.
        """
        cached = self._heads.get((block, minor))
        if cached is not None:
            return cached
        if block.count(b"\r\n") >= self._max_lines:  # counted first: to parse a line costs much more
            raise FaultError("FANIN109", "limits.header_lines")
        head = self._templates.read(block, minor)
        if len(block) <= MAX_HEAD_BYTES:
            self._heads[(block, minor)] = head
            self._bytes += len(block)
            while len(self._heads) > MAX_HEADS or self._bytes > MAX_BYTES:
                (oldest, _), _ = self._heads.popitem(last=False)
                self._bytes -= len(oldest)
        return head


def answer_lines(status: bytes, fields: tuple[HeaderField, ...], drop_chunked: bool = False) -> bytes:
    """An answer's head, unchanged except that hop-by-hop lines are removed; each line with its CRLF."""
    lines = [status]
    for field in fields:
        if field.name in HOP_BY_HOP or (drop_chunked and field.name == b"transfer-encoding"):
            continue
        lines.append(field.line)
    lines.append(b"")
    return b"\r\n".join(lines)
