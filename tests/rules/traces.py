"""Traces made of request lines, read the way the data path reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from proxy.analysis.workload import Workload
from proxy.http1.head import parse_fields
from proxy.model import Outcome, Span, Trace
from proxy.path.batches.chunking import with_long_list
from proxy.path.reading.fingerprint import read_query
from proxy.path.reading.identity import HeaderNames, HeadRules, read_head
from proxy.postgrest.request.in_list import estimate_list, list_column, shortened
from proxy.settings.rules import RuleSettings
from proxy.settings_base import Thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.analysis.rule import AnyRule
    from proxy.findings.model import Finding


class NoThresholds(Thresholds):
    """Of a rule that only a test has."""

    table = "no_thresholds"


DIFFERS = " differs"
POSTGREST_TAKES = 51_202
"""Bytes of a request head; more is 400."""
HEAD = read_head(parse_fields(b"Host: a", "FANIN102"), 1, HeadRules(b"", HeaderNames(), (), b""))


def span(
    line: str,
    number: int,
    *,
    start: float = 0.0,
    end: float | None = None,
    retry: bool = False,
    rows: int = 1,
    cut: bool | None = None,
) -> Span:
    """A span of a request line, behind which its answer may be told: ``→ 7 rows, 2 kB, 30 ms, 90 in all, ids 4;5``.

    Other keys are told by their columns: ``user_ids 8;9``. ``x-call differs``: the header is why it shared no call.
    """
    line, _, text = line.partition(" → ")
    words = [word for word in text.split(", ") if word]
    differing = [word.removesuffix(DIFFERS) for word in words if word.endswith(DIFFERS)]
    told = {unit: value for value, unit in (_told(word) for word in words if not word.endswith(DIFFERS))}
    rows = int(told.get("rows", rows))
    end = start + float(told.get("ms", 10)) / 1000 if end is None else end
    method, target = line.split(" ", 1)
    raw = target.encode()
    short, place = shortened(raw, 7000) if len(raw) > 7000 else (raw, None)
    query = read_query(method.encode(), short, HEAD, b"", "public", 7000)
    if len(raw) > 7000:
        query = with_long_list(query, raw, place)
    count, kind = (0, "") if place is None else estimate_list(raw[place[0] : place[1]])
    keys = tuple((key.name.decode(), key.kind.value) for key in query.keys)
    size = len(f"{method} {target} HTTP/1.1\r\n\r\n") + len(HEAD.forwarded_lines)
    return Span(
        number=number,
        method=method,
        relation=query.relation,
        fingerprint=query.fingerprint,
        same=hash(line),
        literals=tuple(hash(literal) if literal else 0 for literal in query.filters),
        key_types=keys if place is None else ((list_column(raw, place).decode(), kind),),
        caller="",
        retry=retry,
        start=start,
        end=end,
        status=200 if size <= POSTGREST_TAKES else 400,
        size=int(told["kB"]) * 1000 if "kB" in told else 100,
        rows=rows,
        cut=cut,
        outcome=Outcome.PASSED,
        call=number,
        shared=1,
        bypass_reason=None,
        head_size=size,
        listed=count,
        limit=None if query.limit is None else query.limit[0],
        offset=query.offset,
        total=int(told.get("in all", -1)),
        function=query.function,
        differing_headers=",".join(differing),
        row_keys=tuple(
            (unit[:-1], tuple(hash(key.encode()) if key else 0 for key in value.split(";")))
            for unit, value in told.items()
            if unit.endswith("ids")
        ),
    )


def _told(word: str) -> tuple[str, str]:
    """The value and the unit of a word about an answer."""
    unit, _, value = word.partition(" ")
    if unit.endswith("ids"):
        return value, unit
    value, unit = word.split(" ", 1)
    return value, unit


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


def told(lines: Sequence[str]) -> list[Trace]:
    """The traces that a rule's document tells: requests in flight together, but ``then`` begins when all before it
    have ended; ``40 × GET …`` is a trace of its own, forty times, and ``3 of GET …`` three times the same.
    """
    spans: list[Span] = []
    often: list[Trace] = []
    for line in map(_whole, lines):
        times, often_so, once = line.partition(" × ")
        if often_so:
            often += [replace(trace([span(once, 1)]), id=f"{once} {number}") for number in range(int(times))]
            continue
        count, again, once = line.partition(" of ")
        if again and count.isdigit():
            spans += [span(once, len(spans) + 1 + number) for number in range(int(count))]
            continue
        ended = max((one.end for one in spans), default=0.0)
        began = ended if line.startswith("then ") else (spans[-1].start if spans else 0.0)
        spans.append(span(line.removeprefix("then "), len(spans) + 1, start=began))
    return ([trace(spans)] if spans else []) + often


def found(rule: AnyRule, traces: Sequence[Trace], settings: RuleSettings | None = None) -> list[Finding]:
    """What ``rule`` finds in each trace, and in all of them as a workload."""
    context, workload = (settings or RuleSettings()).of(rule), Workload(1000)
    for one in traces:
        workload.add(one)
    in_traces = [finding for one in traces for finding in (rule.detect(one, context) if rule.detect else ())]
    return in_traces + list(rule.inspect(workload, context) if rule.inspect else ())


def _whole(line: str) -> str:
    def numbers(found: re.Match[str]) -> str:
        return found[2].join(map(str, range(int(found[1]), int(found[3]) + 1)))

    return re.sub(r"(\d+)([,;])…\2(\d+)", numbers, line)
