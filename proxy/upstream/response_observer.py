"""What answers teach in passing: how many rows upstream gives, its 406, its first schema, and the CORS headers of an
origin.
"""

from collections import OrderedDict
from collections.abc import Callable

from proxy.analysis.fingerprint import is_bounded
from proxy.http1.head import HeaderField, StatusLine, first_value
from proxy.model import Query, RequestHead
from proxy.path.max_rows import MaxRowsEvidence
from proxy.path.singular import NotSingularTemplates, read_template
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.gateway import Gateway

ORIGINS = 100
"""Origins whose CORS headers are remembered, for errors of our own."""


class ResponseObserver:
    """Drawn from each answer that reaches its caller unchanged."""

    def __init__(
        self, gateway: Gateway, evidence: MaxRowsEvidence, templates: NotSingularTemplates, clock: Callable[[], float]
    ) -> None:
        self._gateway = gateway
        self._evidence = evidence
        self._templates = templates
        self._clock = clock
        self.first_schema = ""
        """Where a request named none: the schema that upstream says it took. It does where it has several."""
        self._cors: OrderedDict[bytes, bytes] = OrderedDict()

    def observe(
        self, query: Query, head: RequestHead, line: StatusLine, fields: tuple[HeaderField, ...], body: bytes | None
    ) -> int:
        """Learn from an answer, whose ``body`` is None while not all of it is here. Its rows, -1 where unknown."""
        self._learn_cors(head.origin, fields)
        if line.status == 406 and body is not None and head.media is not None and head.media.singular:
            template = read_template(line.line, fields, body, self._gateway)
            if template is not None:
                self._templates.learn(head.identity_hash, template, self._clock())
        if not query.relation or query.method != b"GET" or line.status not in (200, 206):
            return -1
        if not head.accept_profile:
            self.first_schema = (first_value(fields, b"content-profile") or b"").decode(
                "utf-8", "replace"
            ) or self.first_schema
        rows, total = rows_and_total(first_value(fields, b"content-range"))
        self._evidence.record_rows(rows, self._clock())
        if line.status == 206 and total is not None and 0 < rows < total and _counts_all(query, head):
            self._evidence.record_cut(rows, self._clock())
        return rows

    @property
    def max_rows(self) -> int | None:
        """PostgREST's db-max-rows, as far as it is known now."""
        return self._evidence.known(self._clock())

    def cors(self, origin: bytes) -> bytes:
        """The header lines that an error of our own needs for a page of ``origin`` to read it."""
        return self._cors.get(origin, b"") if origin else b""

    def _learn_cors(self, origin: bytes, fields: tuple[HeaderField, ...]) -> None:
        if not origin:
            return
        lines = [field.line + b"\r\n" for field in fields if field.name.startswith(b"access-control-")]
        self._cors[origin] = b"".join(lines)
        if len(self._cors) > ORIGINS:
            self._cors.popitem(last=False)


def _counts_all(query: Query, head: RequestHead) -> bool:
    """Whether it asks for all rows and their exact number: then what is missing was cut by max-rows."""
    return head.exact_count and head.bypass_reason in (None, "accept") and not is_bounded(query.fingerprint)
