"""The page of request headers lists each header that is neutral."""

from __future__ import annotations

from proxy.path.reading.identity import NEUTRAL
from proxy.postgrest.request.tracing import REQUEST_IDS, TRACING_PREFIXES
from proxy.reference.headers_page import headers


def test_every_neutral_header_and_every_usual_request_id_is_listed() -> None:
    text = "\n".join(headers())
    for name in (*NEUTRAL, *REQUEST_IDS, *(prefix + b"*" for prefix in TRACING_PREFIXES)):
        assert f"`{name.decode()}`" in text
