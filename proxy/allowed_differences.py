"""The allowed differences between an answer through fanin and the answer that PostgREST gives alone.

Status line, end-to-end headers (with their order and repetitions) and body bytes are the same. Only the differences in
this module are allowed, and ``path.evidence.comparison`` uses these tables. It also uses ``postgrest.response.gateway``
for the profile in force: the values of the gateway's headers may differ, because they describe one answer; its cookies
may be absent; and so may ``Vary: Accept-Encoding`` if the gateway compresses.

Six allowed differences are not header names:

- fanin's own Server-Timing line under ``debug``;
- the answers of ``errors.codes.FAULTS``, which fanin sends when upstream sent none;
- the order of the rows of a merged answer under ``merge.ties = any``;
- compression: a gateway may compress an answer to one caller, while a merged answer is not compressed;
- answers from the cache (FAN006 at level rewrite), which are as old as ``cache.fresh`` and
  ``cache.stale_while_revalidate`` allow, have ``CACHE_HEADERS``, and are a 304 for who has them already;
- rows that change while the parts of a chunked answer are read.
"""

TIME_HEADERS = frozenset((b"date", b"server-timing"))
"""Headers whose presence and position are compared, but not their values, which are a time or a duration."""

HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"http2-settings"))
"""Headers of one connection, never forwarded (RFC 9110 §7.6.1)."""

FRAMING_HEADERS = frozenset((b"content-length", b"transfer-encoding", b"trailer"))
"""Headers that say where the body ends. Bodies are compared without their framing."""

ABSENT_WHEN_CHUNKED = frozenset((b"content-location",))
"""Headers that a chunked answer (FAN005) does not have: no upstream call was for the URL that they would name."""

CACHE_HEADERS = frozenset((b"age", b"etag"))
"""Headers that an answer from the cache has in addition, after those of the answer that it comes from."""

FANIN_PREFIX = b"x-fanin"
"""Prefix of fanin's own headers, which are added to answers and removed from requests."""


def is_compared(name: bytes) -> bool:
    """Whether the header ``name`` (lower case) must be present, as many times and at the same position."""
    return name not in HOP_BY_HOP and name not in FRAMING_HEADERS and not name.startswith(FANIN_PREFIX)
