"""Prints closed traces as trees for a terminal: requests, outcomes and findings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from proxy.analysis.spans import group_by, total_bytes, total_rows
from proxy.analysis.volume import plural
from proxy.errors.codes import BYPASS_REASONS, FALLBACK_REASONS
from proxy.findings.model import Finding
from proxy.findings.report import finding_lines
from proxy.model import Outcome, Span, Trace
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Event, TraceClosed, WorkloadInspected
from proxy.text.terminal import safe

MOST_SPANS = 40
"""Maximum number of lines per trace; further requests are only counted."""


class TracePrinter:
    """An observer that prints each closed trace."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._names = ConfirmedNames()

    def __call__(self, event: Event) -> None:
        if isinstance(event, TraceClosed):
            self._names.learn(event.trace.spans)
            self._print(trace_lines(event.trace, self._names.shown_findings(event.findings), self._names))
        elif isinstance(event, WorkloadInspected):
            self._print(_workload(self._names.shown_findings(event.findings)))

    def _print(self, lines: Iterable[str]) -> None:
        print("\n".join(lines), file=self._stream, flush=True)


def trace_lines(trace: Trace, findings: Sequence[Finding], names: ConfirmedNames) -> Iterator[str]:
    """The lines of the tree."""
    yield _title(trace)
    groups = _groups(trace.spans)
    printed = groups[:MOST_SPANS]
    for at, spans in enumerate(printed):
        last = at == len(groups) - 1 and not findings
        yield from _group(spans, names, trace.start, "└─" if last else "├─", "  " if last else "│ ")
    if len(groups) > len(printed):
        hidden = sum(map(len, groups[len(printed) :]))
        yield f"├─ … and {plural(hidden, 'more request')}"
    for finding in findings:
        yield from finding_lines(finding)
    yield ""


def _workload(findings: Sequence[Finding]) -> Iterator[str]:
    yield "● all traces so far"
    for finding in findings:
        yield from finding_lines(finding)
    yield ""


def _title(trace: Trace) -> str:
    name = safe(trace.route) or safe(trace.id)
    marks = [mark for mark, on in (("mixed", trace.mixed), ("truncated", trace.truncated)) if on]
    if not trace.explicit:
        marks.insert(0, "inferred")
    note = f" ({', '.join(marks)})" if marks else ""
    ms = 1000 * (trace.end - trace.start)
    return (
        f"● {name}{note}  {plural(len(trace.spans), 'request')} → {plural(trace.calls, 'upstream call')}  {ms:.1f} ms"
    )


def _groups(spans: tuple[Span, ...]) -> list[list[Span]]:
    """Spans grouped by upstream call, in the order of the first span of each group."""
    arrived = sorted(spans, key=lambda span: span.start)
    return list(group_by(arrived, lambda span: span.call or -span.number).values())


def _group(spans: list[Span], names: ConfirmedNames, start: float, branch: str, trunk: str) -> Iterator[str]:
    first = spans[0]
    if len(spans) == 1:
        yield f"{branch} {_span(first, names, start)}{_why(first)}"
        return
    end = max(span.end for span in spans)
    keys = f"{plural(len({span.literals for span in spans}), 'key')}, " if first.outcome is Outcome.MERGED else ""
    yield (
        f"{branch} {safe(names.fingerprint_of(first))}  +{1000 * (first.start - start):.1f} ms, "
        f"{1000 * (end - first.start):.1f} ms  {first.outcome.value}: {len(spans)} requests, {keys}1 call"
    )
    received = f"{plural(total_rows(spans), 'row')}, {plural(total_bytes(spans), 'byte')}"
    yield f"{trunk} └─ {received}, returned to {len(spans)} callers"


def _span(span: Span, names: ConfirmedNames, start: float) -> str:
    received = (f", {plural(span.rows, 'row')}" if span.rows >= 0 else "") + f", {plural(span.size, 'byte')}"
    caller = f"  from {safe(span.caller)}" if span.caller else ""
    return (
        f"{safe(names.fingerprint_of(span))}  +{1000 * (span.start - start):.1f} ms, "
        f"{1000 * (span.end - span.start):.1f} ms  {span.status or 'no answer'}{received}{caller}"
    )


def _why(span: Span) -> str:
    if span.fallback_reason:
        return f"  fallback: {span.fallback_reason} ({FALLBACK_REASONS[span.fallback_reason].rstrip('.')})"
    if span.bypass_reason is not None:
        return f"  passed: {span.bypass_reason} ({BYPASS_REASONS[span.bypass_reason].rstrip('.')})"
    if span.outcome is not Outcome.PASSED:
        return f"  {span.outcome.value}"
    return "  passed: alone" if span.relation and span.method == "GET" else ""
