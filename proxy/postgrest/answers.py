"""The headers of PostgREST's answers, by what they depend on (MERGE.md §2)."""

CORS = frozenset(
    (b"access-control-allow-origin", b"access-control-expose-headers", b"access-control-allow-credentials")
)
COPIED = CORS | {b"date", b"server", b"content-type", b"content-profile", b"vary", b"server-timing", b"warning"}
"""Headers that are the same for every member, because members agree in everything they depend on (MERGE.md §2)."""

TEMPLATE_HEADERS = COPIED | {b"proxy-status"}
"""Headers of a 406 that are the same whichever key it is about."""

SHARED_HEADERS = TEMPLATE_HEADERS | {b"www-authenticate", b"retry-after"}
"""Headers of an error that is everybody's. Any other, a cookie say, may be meant for one caller."""

FRAMING = frozenset((b"transfer-encoding", b"content-length", b"connection", b"keep-alive"))
