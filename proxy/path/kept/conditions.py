"""Conditional reads (RFC 9110, section 13): which ones a kept answer decides, and the 304 that it then is.

Source: docs/explanation/cache.md#conditional-requests.
"""

from proxy.model import RequestHead

DECIDED = (b"if-none-match:", b"if-modified-since:")
"""Beginnings of the conditions that a cache decides. The second has no effect beside the first (section 13.1.3)."""
BLANKS = b" \t,"
DESCRIBES_BODY = (b"content-type:", b"content-length:", b"content-range:", b"content-encoding:", b"content-language:")
NOT_IN_304 = (*DESCRIBES_BODY, b"content-profile:", b"last-modified:")
"""Beginnings of the lines of a 200 that a 304 leaves out (section 15.4.5)."""


def unconditional(lines: bytes) -> bytes:
    """Header lines of a request without the conditions that a kept answer decides."""
    if b"if-" not in lines.lower():
        return lines
    return b"".join([line for line in _each(lines) if not line.lower().startswith(DECIDED)])


def is_decidable(head: RequestHead) -> bool:
    """Whether a kept answer can decide the conditions of a request, if it has any: If-None-Match alone does, unless the
    operator compares it (``identity.not_neutral``).
    """
    if b"if-" not in head.coalescing_identity.lower():
        return True
    lines = [line.lower() for line in _each(head.coalescing_identity) if line[:3].lower() == b"if-"]
    if not all(line.startswith(DECIDED) for line in lines):
        return False
    is_compared = any(line[:3].lower() == b"if-" for line in _each(head.identity))
    return not lines or (any(line.startswith(DECIDED[0]) for line in lines) and not is_compared)


def tags_of(head: RequestHead) -> bytes:
    """The entity tags that a client has, as If-None-Match lists them; empty if it has none."""
    if b"if-none-match:" not in head.coalescing_identity.lower():
        return b""
    lines = [line for line in _each(head.coalescing_identity) if line.lower().startswith(DECIDED[0])]
    return b", ".join([line.partition(b":")[2].strip() for line in lines])


def matches(tags: bytes, tag: bytes) -> bool:
    """Whether a list of entity tags has ``tag``, by the weak comparison (section 8.8.3.2); ``*`` has every one."""
    if tags == b"*":
        return True
    opaque, at = tag.removeprefix(b"W/"), 0
    while at < len(tags):
        if tags[at] in BLANKS:
            at += 1
            continue
        begin = at + 2 if tags.startswith(b"W/", at) else at
        end = tags.find(b'"', begin + 1)
        if not tags.startswith(b'"', begin) or end < 0:
            return False
        if tags[begin : end + 1] == opaque:
            return True
        at = end + 1
    return False


def tag_in(answer_head: bytes) -> bytes:
    """The entity tag of an answer; empty if it has none."""
    _, mark, rest = answer_head.lower().partition(b"\r\netag:")
    if not mark:
        return b""
    begin = len(answer_head) - len(rest)
    return answer_head[begin : answer_head.index(b"\r\n", begin)].strip()


def not_modified(answer_head: bytes) -> bytes:
    """The head of the 304 to a client that has this answer already."""
    lines = [line for line in _each(answer_head)[1:] if not line.lower().startswith(NOT_IN_304)]
    return b"".join([b"HTTP/1.1 304 Not Modified\r\n", *lines])


def _each(lines: bytes) -> list[bytes]:
    """Lines with their CRLF."""
    return [line + b"\r\n" for line in lines.split(b"\r\n")[:-1]]
