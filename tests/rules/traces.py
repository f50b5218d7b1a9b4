"""Traces made of request lines, read the way the data path reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.http1.head import parse_fields
from proxy.model import Outcome, Span, Trace
from proxy.path.fingerprint import read_query
from proxy.path.identity import HeadRules, read_head

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = read_head(parse_fields(b"Host: a", "FANIN102"), 1, HeadRules(b"", frozenset(), (), b""))


def span(
    line: str,
    number: int,
    *,
    start: float = 0.0,
    end: float = 0.01,
    retry: bool = False,
    rows: int = 1,
    cut: bool | None = None,
) -> Span:
    """A span of a request line, behind which ``→ 7 rows`` may tell its rows."""
    line, _, told = line.partition(" → ")
    rows = int(told.removesuffix(" rows")) if told else rows
    method, target = line.split(" ", 1)
    query = read_query(method.encode(), target.encode(), HEAD, b"", 7000)
    return Span(
        number=number,
        method=method,
        relation=query.relation,
        fingerprint=query.fingerprint,
        same=hash(line),
        literals=tuple(hash(literal) if literal else 0 for literal in query.filters),
        key_types=tuple((key.name.decode(), key.kind.value) for key in query.keys),
        caller="",
        retry=retry,
        start=start,
        end=end,
        status=200,
        size=100,
        rows=rows,
        cut=cut,
        outcome=Outcome.PASSED,
        call=number,
        shared=1,
        refusal=None,
    )


def trace(spans: Sequence[Span], *, explicit: bool = True, mixed: bool = False) -> Trace:
    return Trace(
        id="t",
        explicit=explicit,
        mixed=mixed,
        truncated=False,
        part=1,
        route="GET /export",
        start=min(s.start for s in spans),
        end=max(s.end for s in spans),
        spans=tuple(spans),
    )


def parallel(lines: Sequence[str]) -> Trace:
    """All requests in flight together."""
    return trace([span(line, number + 1) for number, line in enumerate(lines)])
