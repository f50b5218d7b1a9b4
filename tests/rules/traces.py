"""Traces made of request lines, read the way the data path reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from proxy.http1.head import parse_fields
from proxy.model import Outcome, Span, Trace
from proxy.path.fingerprint import read_query
from proxy.path.identity import HeadRules, read_head
from proxy.path.stitch import lengthened
from proxy.postgrest.in_list import column_of, listed, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

POSTGREST_TAKES = 51_202
"""Bytes of a request head; more is 400."""
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
    raw = target.encode()
    short, place = shortened(raw, 7000) if len(raw) > 7000 else (raw, None)
    query = read_query(method.encode(), short, HEAD, b"", 7000)
    if len(raw) > 7000:
        query = lengthened(query, raw, place)
    count, kind = (0, "") if place is None else listed(raw[place[0] : place[1]])
    keys = tuple((key.name.decode(), key.kind.value) for key in query.keys)
    size = len(f"{method} {target} HTTP/1.1\r\n\r\n") + len(HEAD.forward)
    return Span(
        number=number,
        method=method,
        relation=query.relation,
        fingerprint=query.fingerprint,
        same=hash(line),
        literals=tuple(hash(literal) if literal else 0 for literal in query.filters),
        key_types=keys if place is None else ((column_of(raw, place).decode(), kind),),
        caller="",
        retry=retry,
        start=start,
        end=end,
        status=200 if size <= POSTGREST_TAKES else 400,
        size=100,
        rows=rows,
        cut=cut,
        outcome=Outcome.PASSED,
        call=number,
        shared=1,
        refusal=None,
        head_size=size,
        listed=count,
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
    """All requests in flight together. ``1,2,…,9`` stands for all numbers from the second to the last."""
    return trace([span(_whole(line), number + 1) for number, line in enumerate(lines)])


def _whole(line: str) -> str:
    def numbers(found: re.Match[str]) -> str:
        return ",".join(map(str, range(int(found[1]), int(found[2]) + 1)))

    return re.sub(r"(\d+),…,(\d+)", numbers, line)
