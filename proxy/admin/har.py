"""A stored trace as an HTTP archive, which browsers' developer tools and many other programs read.

Source: http://www.softwareishard.com/blog/har-12-spec/. fanin keeps no headers and bodies, so their lists are empty;
there is a ``?`` for each value, unless values are shown. What has no place in the format is in ``_fanin``.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from proxy import __version__
from proxy.admin.json_stream import Pieces, array, object_of
from proxy.model import Span
from proxy.observe.confirmed_names import METHODS, ConfirmedNames
from proxy.traces.store import StoredTrace

UNKNOWN = -1
"""A size or a time that is not known."""
EMPTY: dict[str, list[str]] = {"cookies": [], "headers": []}


def har_of(entry: StoredTrace, names: ConfirmedNames, base: str, origin: str, epoch: float) -> Pieces:
    """JSON of the archive: one page, which is the trace, and an entry per request in the order of their starts.

    ``base`` is the URL of PostgREST for clients, with the mount; ``origin`` the same without it. ``epoch`` is the
    moment in seconds since 1970 at which the clock of spans began.
    """
    trace = entry.trace
    page = {
        "startedDateTime": _moment(epoch + trace.start),
        "id": str(entry.number),
        "title": trace.route or trace.id,
        "pageTimings": {"onContentLoad": UNKNOWN, "onLoad": _ms(trace.end - trace.start)},
    }
    spans = sorted(trace.spans, key=lambda span: span.start)
    log = {
        "version": "1.2",
        "creator": {"name": "fanin", "version": __version__},
        "pages": [page],
        "entries": array(_entry(span, names, base, origin, epoch, page["id"]) for span in spans),
    }
    return object_of({"log": object_of(log)})


def _entry(span: Span, names: ConfirmedNames, base: str, origin: str, epoch: float, page: Any) -> dict[str, Any]:
    fingerprint = names.fingerprint_of(span)
    url = origin + span.target if span.target else f"{base.rstrip('/')}/{fingerprint.partition(' ')[2].lstrip('/')}"
    milliseconds, waited = _ms(span.end - span.start), _ms(span.upstream)
    return {
        "pageref": page,
        "startedDateTime": _moment(epoch + span.start),
        "time": milliseconds,
        "request": {
            "method": span.method if span.method in METHODS else "other",
            "url": url,
            "httpVersion": "HTTP/1.1",
            **EMPTY,
            "queryString": [
                {"name": name, "value": value} for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)
            ],
            "headersSize": UNKNOWN,
            "bodySize": UNKNOWN,
        },
        "response": {
            "status": span.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            **EMPTY,
            "content": {"size": span.size, "mimeType": "x-unknown"},
            "redirectURL": "",
            "headersSize": UNKNOWN,
            "bodySize": span.size,
        },
        "cache": {},
        # Before and after its call a request waits in fanin, for others or for a connection.
        "timings": {"blocked": max(0.0, round(milliseconds - waited, 3)), "send": 0, "wait": waited, "receive": 0},
        "_fanin": {
            "fingerprint": fingerprint,
            "outcome": span.outcome.value,
            "call": span.call,
            "rows": span.rows,
            "caller": span.caller,
            "bypass_reason": span.bypass_reason or "",
            "fallback_reason": span.fallback_reason,
        },
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
