"""One request on its way through the pipeline: what is known so far of its span."""

from hashlib import blake2b
from typing import TYPE_CHECKING

from proxy.model import Outcome, Query, Span
from proxy.shell.server import Request

if TYPE_CHECKING:
    from proxy.shell.shadow import Copy


class Visit:
    """Filled in by the pipeline as the answer comes about."""

    def __init__(self, request: Request, query: Query) -> None:
        self.request = request
        self.query = query
        self.began_answer = False
        self.outcome = Outcome.PASSED
        self.status = 0
        self.size = 0
        self.rows = -1
        self.call = 0
        self.shared = 1
        self.refusal = query.refusal
        self.fault = ""
        """The code of our own error, where that is the answer."""
        self.upstream_seconds = 0.0
        self.copy: Copy | None = None
        """Who is told what is answered, in mode shadow."""

    def span(self, number: int, now: float, key: bytes, max_rows: int | None) -> Span:
        """The span at its end, ``now``; literals are hashed under ``key``. ``max_rows`` is PostgREST's, if known."""
        request, query = self.request, self.query
        return Span(
            number=number,
            method=query.method.decode("ascii"),
            relation=query.relation,
            fingerprint=query.fingerprint,
            same=_hash(b"%b %b " % (query.method, query.target) + request.head.who, key),
            literals=tuple([_hash(literal, key) if literal else 0 for literal in query.filters]),
            key_types=tuple([(name.name.decode(), name.kind.value) for name in query.keys]),
            caller=request.head.caller,
            retry=request.head.retry,
            start=request.arrived,
            end=now,
            status=self.status,
            size=self.size,
            rows=self.rows,
            cut=None if max_rows is None else self.rows == max_rows,
            outcome=self.outcome,
            call=self.call,
            shared=self.shared,
            refusal=self.refusal,
        )


def _hash(literal: bytes, key: bytes) -> int:
    return int.from_bytes(blake2b(literal, digest_size=8, key=key).digest(), "big")
