"""The tools as functions of a snapshot and their arguments, which are valid by their schema."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from proxy.analysis.spans import count_queries
from proxy.findings.model import IMPACTS, Finding
from proxy.findings.report import finding_lines
from proxy.mcp.answer import MAX_LINE, Narrower, ToolAnswer, ToolError, page
from proxy.mcp.schemas import DEFAULT_LIMIT
from proxy.mcp.snapshot import SeenFinding, Snapshot
from proxy.model import Trace
from proxy.text.counted import counted

FEW = 5
"""Items that a call gets which is suggested where there are too many of one kind."""
Arguments = Mapping[str, Any]
Explain = Callable[[str], str]
"""The explanation of a code or a request. ToolError if it is neither."""


def findings(snapshot: Snapshot, arguments: Arguments) -> ToolAnswer:
    """The findings that the arguments choose, the worst first."""
    least = IMPACTS.index(arguments.get("impact", "low").upper())
    chosen = [
        seen
        for seen in snapshot.findings
        if seen.finding.weight >= least
        and (not seen.ignored or arguments.get("ignored"))
        and _is_chosen(arguments, code=seen.finding.code, route=seen.finding.route, relation=seen.finding.relation)
    ]
    chosen.sort(key=lambda seen: (-seen.finding.weight, -seen.times, seen.finding.key))
    impacts = Counter(seen.finding.impact for seen in chosen)
    counts = ", ".join(f"{impacts[impact]} {impact}" for impact in reversed(IMPACTS) if impacts[impact])
    summary = counted(len(chosen), "finding") + (f": {counts}." if counts else ".")
    return page(
        summary,
        [_finding_row(seen) for seen in chosen],
        call=arguments,
        limit=_limit(arguments),
        narrower=_narrower_findings(chosen, arguments),
    )


def _narrower_findings(chosen: Sequence[SeenFinding], arguments: Arguments) -> Narrower | None:
    """The rule that found most, the worst impact, or fewer at once, whichever gives less: none is recorded text."""
    if not chosen:
        return None
    own = {name: arguments[name] for name in ("code", "impact") if name in arguments}
    codes, impacts = (Counter(getattr(seen.finding, name) for seen in chosen) for name in ("code", "impact"))
    if len(codes) > 1:
        return Narrower("findings", {**own, "code": codes.most_common(1)[0][0]})
    own["code"] = chosen[0].finding.code
    if len(impacts) > 1:
        return Narrower("findings", {**own, "impact": chosen[0].finding.impact.lower()})
    return Narrower("findings", {**own, "limit": FEW})


def _finding_row(seen: SeenFinding) -> dict[str, Any]:
    finding = seen.finding
    return {
        "id": finding.id,
        "code": finding.code,
        "impact": finding.impact,
        "title": finding.title,
        "relation": finding.relation,
        "route": finding.route,
        "caller": finding.caller,
        "times": seen.times,
        "trace": seen.trace,
    }


def finding(snapshot: Snapshot, arguments: Arguments) -> ToolAnswer:
    """The lines of one finding, or of a part of it."""
    wanted, part = arguments["id"], arguments.get("part", "report")
    found = next((s.finding for s in snapshot.findings if wanted in (s.finding.id, s.finding.key)), None)
    if found is None:
        raise ToolError("id: no finding has it now. Call the tool findings for the present ids.")
    lines = list(_lines_of(found, part))
    narrower = Narrower("finding", {"id": found.id, "part": "sql"}) if part == "report" else None
    return page(
        f"{found.code}, impact {found.impact}, {part}: {counted(len(lines), 'line')}.",
        lines,
        call=arguments,
        limit=arguments.get("limit", 10_000),
        narrower=narrower,
        text_limit=MAX_LINE,
    )


def _lines_of(found: Finding, part: str) -> Iterator[str]:
    if part == "report":
        yield from finding_lines(found)
    else:
        code = getattr(found.fix, part.replace("-", "_"))
        yield from code.rstrip().split("\n") if code else [f"none: {found.fix.reason or 'this finding has no code'}"]


def traces(snapshot: Snapshot, arguments: Arguments) -> ToolAnswer:
    """The traces that the arguments choose, those with most queries first."""
    least = arguments.get("min_queries", 1)
    rows = [_trace_row(trace) for trace in snapshot.traces if _is_chosen(arguments, route=trace.route)]
    rows = sorted((row for row in rows if row["queries"] >= least), key=lambda row: (-row["queries"], row["id"]))
    return page(
        f"{counted(len(rows), 'trace')}.",
        rows,
        call=arguments,
        limit=_limit(arguments),
        narrower=Narrower("traces", _fewer_traces(rows)),
    )


def _fewer_traces(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The argument that leaves the traces with more queries than the middle one of ``rows``, if there are any."""
    if not rows or rows[len(rows) // 2]["queries"] == rows[0]["queries"]:
        return {"limit": FEW}
    return {"min_queries": rows[len(rows) // 2]["queries"] + 1}


def _trace_row(trace: Trace) -> dict[str, Any]:
    return {
        "id": trace.id,
        "route": trace.route,
        "kind": trace.kind,
        "queries": count_queries(trace.spans),
        "calls": trace.calls,
        "ms": round(1000 * (trace.end - trace.start), 1),
        "failed": sum(span.status == 0 or span.status >= 400 for span in trace.spans),
    }


def trace(snapshot: Snapshot, arguments: Arguments) -> ToolAnswer:
    """The requests of one trace, with all its parts."""
    parts = [trace for trace in snapshot.traces if trace.id == arguments["id"]]
    if not parts:
        raise ToolError("id: no stored trace has it. Call the tool traces for the ids.")
    begin = min(part.start for part in parts)
    spans = sorted((span for part in parts for span in part.spans), key=lambda span: span.start)
    rows = [
        {
            "query": snapshot.names.fingerprint_of(span),
            "start_ms": round(1000 * (span.start - begin), 1),
            "ms": round(1000 * (span.end - span.start), 1),
            "status": span.status,
            "rows": span.rows,
            "outcome": span.outcome.value,
            "caller": span.caller,
        }
        for span in spans
    ]
    narrower = Narrower("findings", {"limit": FEW})
    summary = f"{counted(len(rows), 'request')}; rows -1 means unknown."
    return page(summary, rows, call=arguments, limit=_limit(arguments), narrower=narrower)


def fingerprints(snapshot: Snapshot, arguments: Arguments) -> ToolAnswer:
    """Queries without values, the largest first."""
    sort = arguments.get("sort", "total")
    chosen = [row for row in snapshot.queries if _is_chosen(arguments, relation=row["relation"])]
    chosen.sort(key=lambda row: -row[sort])
    columns = ("calls", "total", "p50", "p95", "rows", "bytes", "failed", "merged")
    rows = [{"query": row["fingerprint"], **{name: row[name] for name in columns}} for row in chosen]
    summary = f"{counted(len(rows), 'query', 'queries')} by {sort}; times in milliseconds."
    narrower = Narrower("fingerprints", {"sort": sort, "limit": FEW})
    return page(summary, rows, call=arguments, limit=_limit(arguments), narrower=narrower)


def explain(explanation: Explain, arguments: Arguments) -> ToolAnswer:
    """The explanation of a code or of a request, in lines."""
    lines = explanation(arguments["about"]).rstrip().split("\n")
    limit, about = arguments.get("limit", 10_000), arguments["about"]
    is_word = about.replace("-", "").isalnum()
    narrower = Narrower("explain", {"about": about, "limit": 20}) if is_word else Narrower("findings", {"limit": FEW})
    return page(
        f"{counted(len(lines), 'line')}.", lines, call=arguments, limit=limit, narrower=narrower, text_limit=MAX_LINE
    )


def audit(snapshot: Snapshot, arguments: Arguments) -> ToolAnswer:
    """A section of the report on the workload."""
    section, report = arguments.get("section", "summary"), snapshot.report
    members = {"not_merged": "bypassed"}
    if section == "summary":
        traffic = {name: value for name, value in report["traffic"].items() if not isinstance(value, list | dict)}
        counts = {
            name: len(report[members.get(name) or name]) for name in ("queries", "routes", "not_checked", "warnings")
        }
        items: list[Any] = [{"traffic": traffic}, {"items": counts}]
    elif section == "warnings":
        items = [{"warning": text} for text in report["warnings"]]
    else:
        items = list(report[members.get(section) or section])
    summary = f"The workload, {section}: {counted(len(items), 'item')}."
    narrower = Narrower("audit", {"section": section, "limit": FEW})
    return page(summary, items, call=arguments, limit=_limit(arguments), narrower=narrower)


def status(snapshot: Snapshot, arguments: Arguments) -> ToolAnswer:
    """What is read, and how much of it there is."""
    impacts = Counter(seen.finding.impact for seen in snapshot.findings if not seen.ignored)
    counts = {"traces": len(snapshot.traces), "queries": len(snapshot.queries), "findings": dict(impacts)}
    state = {name: value for name, value in snapshot.state.items() if name != "warnings"}
    warnings = [{"warning": text} for text in snapshot.state.get("warnings", ())]
    items = [{"source": snapshot.source}, counts, *([{"running": state}] if state else []), *warnings]
    kind = "a running fanin" if snapshot.state else "recordings"
    return page(
        f"Reads {kind}.",
        items,
        call=arguments,
        limit=_limit(arguments),
        narrower=Narrower("status", {"limit": 3}),
    )


def _limit(arguments: Arguments) -> int:
    return int(arguments.get("limit", DEFAULT_LIMIT))


def _is_chosen(arguments: Arguments, **values: str) -> bool:
    """Whether each of the values is the one that the arguments name, or none is named."""
    return all(arguments.get(name) in (None, value) for name, value in values.items())
