"""Law 1 as a table: all that an answer through fanin may differ in from the one that PostgREST would have given.

Status line, end-to-end headers (order and repeats too) and body bytes are the same. What is listed here is not
compared; nothing else is exempt, and the comparator (``path.shadow``) takes its exemptions from here. Those of a
gateway it takes from ``postgrest.gateway``, for the profile in force: the values of the headers that it names, since
they tell by which way an answer came; the presence of the cookies that it names, and of ``Vary: Accept-Encoding`` where
it compresses.

Five exceptions have no names to list: a Server-Timing line of fanin's own under ``debug``; the answers of
``errors.FAULTS``, where there is none of upstream's; the order of a merged row set under ``merge.ties = any``; that a
gateway may compress what it answers to one caller, while a merged answer comes as PostgREST wrote it; and rows that
change while a chunked answer's parts are read.
"""

TIME_HEADERS = frozenset((b"date", b"server-timing"))
"""Headers whose presence and place are compared, but not their values: they tell when, and how long."""

HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"http2-settings"))
"""Headers of one connection, never passed on (RFC 9110 §7.6.1)."""

FRAMING_HEADERS = frozenset((b"content-length", b"transfer-encoding", b"trailer"))
"""Headers that tell where the body ends; the body itself is compared after it was un-framed."""

ABSENT_WHEN_CHUNKED = frozenset((b"content-location",))
"""Headers that an answer chunked out of parts (FAN005) lacks: nobody asked upstream for the URL that they tell of."""

FANIN_PREFIX = b"x-fanin"
"""Headers of fanin itself: added to answers, removed from requests."""


def is_compared(name: bytes) -> bool:
    """Whether the header ``name`` (lower case) has to be there, as often and at the same place."""
    return name not in HOP_BY_HOP and name not in FRAMING_HEADERS and not name.startswith(FANIN_PREFIX)
