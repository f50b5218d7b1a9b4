"""Learns about upstream from its answers: max-rows, the 406 of single objects, the first schema, the trace header, CORS
headers.
"""

from collections import OrderedDict
from collections.abc import Callable

from proxy.analysis.fingerprint import is_bounded
from proxy.http1.head import HeaderField, StatusLine, first_value
from proxy.model import Query, RequestHead
from proxy.path.answers.singular import NotSingularTemplates, read_template
from proxy.path.evidence.max_rows import MaxRowsEvidence
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.echoes import trace_header
from proxy.postgrest.response.gateway import Gateway

MAX_ORIGIN = 512
"""Largest number of bytes of an Origin whose CORS headers are kept: a host name has at most 253."""
ORIGINS = 100
"""The most origins whose CORS headers are remembered. fanin's own error answers need them."""


class ResponseObserver:
    """Sees each answer that a client gets unchanged."""

    def __init__(
        self, gateway: Gateway, evidence: MaxRowsEvidence, templates: NotSingularTemplates, clock: Callable[[], float]
    ) -> None:
        self.gateway = gateway
        self._evidence = evidence
        self._templates = templates
        self._clock = clock
        self.first_schema = ""
        """The schema that upstream reports for requests that name none. It does so only if it exposes several."""
        self.trace_header = b""
        """Name of PostgREST's server-trace-header (lower case), once an answer has shown it."""
        self._cors: OrderedDict[bytes, bytes] = OrderedDict()

    def observe(
        self, query: Query, head: RequestHead, line: StatusLine, fields: tuple[HeaderField, ...], body: bytes | None
    ) -> int:
        """Learn from an answer and return its number of rows, -1 if unknown. ``body`` is None unless all of it has
        arrived.
        """
        self._learn_cors(head.origin, fields)
        if line.status == 406 and body is not None and head.media is not None and head.media.singular:
            template = read_template(line.line, fields, body, self.gateway, head)
            if template is not None:
                self._templates.learn(head.identity_hash, template, self._clock())
        if not query.relation or query.method != b"GET" or line.status not in (200, 206):
            return -1
        if not head.accept_profile:
            self.first_schema = (first_value(fields, b"content-profile") or b"").decode(
                "utf-8", "replace"
            ) or self.first_schema
        self.trace_header = self.trace_header or trace_header(fields, head)
        rows, total = rows_and_total(first_value(fields, b"content-range"))
        self._evidence.record_rows(rows)
        if line.status == 206 and total is not None and 0 < rows < total and _counts_all(query, head):
            self._evidence.record_cut(rows, self._clock())
        return rows

    @property
    def max_rows(self) -> int | None:
        """PostgREST's db-max-rows, or None if it is not known now."""
        return self._evidence.known(self._clock())

    def cors(self, origin: bytes) -> bytes:
        """The header lines that fanin's own error answer needs, so that a page of ``origin`` may read it."""
        return self._cors.get(origin, b"") if origin else b""

    def _learn_cors(self, origin: bytes, fields: tuple[HeaderField, ...]) -> None:
        if not origin or len(origin) > MAX_ORIGIN:
            return
        lines = [field.line + b"\r\n" for field in fields if field.name.startswith(b"access-control-")]
        self._cors[origin] = b"".join(lines)
        if len(self._cors) > ORIGINS:
            self._cors.popitem(last=False)


def _counts_all(query: Query, head: RequestHead) -> bool:
    """Whether the request asks for all rows and their exact number, so that only max-rows can remove rows.

    An aggregate is one row, and the number is that of the rows it is computed from.
    """
    if query.aggregates or query.bypass_reason == "aggregate" or head.range_limit is not None:
        return False
    return head.exact_count and head.bypass_reason in (None, "accept") and not is_bounded(query.fingerprint)
