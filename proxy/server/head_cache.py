"""Heads of requests are taken apart once per distinct block of header lines; those of answers go out as they came.

A client's connection sends the same lines again and again, so what they mean is remembered by their bytes.
"""

from collections import OrderedDict

from proxy.allowed_differences import HOP_BY_HOP
from proxy.http1.head import HeaderField, parse_fields
from proxy.model import RequestHead
from proxy.path.identity import HeadRules, read_head

REMEMBERED_HEADS = 1024
LARGEST_REMEMBERED = 8192


class HeadCache:
    """Header blocks to Heads, the most recent ones remembered."""

    def __init__(self, rules: HeadRules) -> None:
        self._rules = rules
        self._heads: OrderedDict[tuple[bytes, int], RequestHead] = OrderedDict()

    def read(self, block: bytes, minor: int) -> RequestHead:
        """FaultError when the lines are malformed or ambiguous."""
        known = self._heads.get((block, minor))
        if known is not None:
            return known
        head = read_head(parse_fields(block, "FANIN102"), minor, self._rules)
        if len(block) <= LARGEST_REMEMBERED:
            self._heads[(block, minor)] = head
            if len(self._heads) > REMEMBERED_HEADS:
                self._heads.popitem(last=False)
        return head


def answer_lines(status: bytes, fields: tuple[HeaderField, ...], drop_chunked: bool = False) -> bytes:
    """An answer's head as it came, without hop-by-hop lines; each line with its CRLF."""
    kept = [status]
    for field in fields:
        if field.name in HOP_BY_HOP or (drop_chunked and field.name == b"transfer-encoding"):
            continue
        kept.append(field.line)
    kept.append(b"")
    return b"\r\n".join(kept)
