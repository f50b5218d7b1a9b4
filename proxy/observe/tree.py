"""Prints closed traces as trees for a terminal: requests, outcomes and findings."""

from collections import Counter, OrderedDict
from collections.abc import Generator, Hashable, Iterable, Iterator, Sequence

from proxy.analysis.spans import group_by, total_bytes, total_rows
from proxy.errors.codes import BYPASS_REASONS, FALLBACK_REASONS
from proxy.findings.model import Finding
from proxy.findings.report import finding_lines, heading
from proxy.model import Outcome, Span, Trace
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Event, TraceClosed, WorkloadInspected
from proxy.observe.log_format import Output
from proxy.text.counted import counted
from proxy.text.terminal import safe

MOST_SPANS = 40
"""Maximum number of lines per trace; further requests are only counted."""
MOST_ALIKE = 12
"""More lines than this that are alike, such as those of a loop, are folded, as on the page: half of this number
is printed, the rest is one line."""
MAX_FINDINGS = 1000
"""Number of findings that are remembered as printed; the oldest is printed in full again."""


class TracePrinter:
    """An observer that prints each closed trace."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._names = ConfirmedNames()
        self._printed: OrderedDict[str, None] = OrderedDict()

    def __call__(self, event: Event) -> None:
        for _ in self.in_steps(event):
            pass

    def in_steps(self, event: Event) -> Iterator[None]:
        """Same as a call, in steps."""
        if isinstance(event, TraceClosed):
            yield from self._names.learn_in_steps(event.trace.spans)
            yield
            findings = yield from self._findings(event.findings)
            self._print(trace_lines(event.trace, findings, self._names))
        elif isinstance(event, WorkloadInspected):
            findings = yield from self._findings(event.findings)
            self._print(_workload(findings))

    def _findings(self, findings: Sequence[Finding]) -> Generator[None, None, list[list[str]]]:
        """The lines of each finding, one a step: all of them the first time, then its title."""
        lines = []
        for finding in self._names.shown_findings(findings):
            lines.append(self._lines(finding))
            yield
        return lines

    def _lines(self, finding: Finding) -> list[str]:
        if finding.key in self._printed:
            self._printed.move_to_end(finding.key)
            return [f"{heading(finding)}  (again; its fix is above)"]
        self._printed[finding.key] = None
        if len(self._printed) > MAX_FINDINGS:
            self._printed.popitem(last=False)
        return list(finding_lines(finding))

    def _print(self, lines: Iterable[str]) -> None:
        self._output.write("\n".join(lines) + "\n")


def trace_lines(trace: Trace, findings: Sequence[Sequence[str]], names: ConfirmedNames) -> Iterator[str]:
    """The lines of the tree; ``findings`` are the lines of each finding."""
    yield _title(trace)
    lines = _folded(_groups(trace.spans))
    printed = lines[:MOST_SPANS]
    for at, (spans, folded) in enumerate(printed):
        last = at == len(lines) - 1 and not findings
        branch, trunk = ("└─", "  ") if last else ("├─", "│ ")
        if folded:
            yield _alike(spans, names, branch)
        else:
            yield from _group(spans, names, trace.start, branch, trunk)
    if len(lines) > len(printed):
        hidden = sum(len(spans) for spans, _ in lines[len(printed) :])
        yield f"├─ … and {counted(hidden, 'more request')}"
    for finding in findings:
        yield from finding
    yield ""


def _workload(findings: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "● all traces so far"
    for finding in findings:
        yield from finding
    yield ""


def _title(trace: Trace) -> str:
    name = safe(trace.route) or safe(trace.id)
    marks = [mark for mark, on in (("mixed", trace.mixed), ("truncated", trace.truncated)) if on]
    if not trace.explicit:
        marks.insert(0, "inferred")
    note = f" ({', '.join(marks)})" if marks else ""
    ms = 1000 * (trace.end - trace.start)
    return (
        f"● {name}{note}  {counted(len(trace.spans), 'request')} → {counted(trace.calls, 'upstream call')}  {ms:.1f} ms"
    )


def _groups(spans: tuple[Span, ...]) -> list[list[Span]]:
    """Spans grouped by the upstream call that they waited for, in the order of the first span of each group."""
    arrived = sorted(spans, key=lambda span: span.start)
    return list(group_by(arrived, lambda span: _waited_for(span) or -span.number).values())


def _waited_for(span: Span) -> int:
    return 0 if span.outcome is Outcome.PREFETCHED else span.call


def _folded(groups: list[list[Span]]) -> list[tuple[list[Span], bool]]:
    """The groups in their order. Of many that are alike the later ones are one line, which is marked."""
    alike = group_by(groups, _likeness)
    lines, seen = [], Counter[tuple[Hashable, ...]]()
    for spans in groups:
        like = _likeness(spans)
        seen[like] += 1
        if len(alike[like]) <= MOST_ALIKE or seen[like] <= MOST_ALIKE // 2:
            lines.append((spans, False))
        elif seen[like] == MOST_ALIKE // 2 + 1:
            lines.append(([span for group in alike[like][MOST_ALIKE // 2 :] for span in group], True))
    return lines


def _likeness(spans: Sequence[Span]) -> tuple[Hashable, ...]:
    first = spans[0]
    return first.fingerprint, first.outcome, first.bypass_reason, 0 < first.status < 400, len(spans) > 1


def _alike(spans: Sequence[Span], names: ConfirmedNames, branch: str) -> str:
    length = 1000 * (max(span.end for span in spans) - min(span.start for span in spans))
    received = f"{counted(total_rows(spans), 'row')}, {counted(total_bytes(spans), 'byte')}"
    query = safe(names.fingerprint_of(spans[0]))
    return f"{branch} … {len(spans)} more like these: {query}  in {length:.1f} ms  {received}"


def _group(spans: list[Span], names: ConfirmedNames, start: float, branch: str, trunk: str) -> Iterator[str]:
    first = spans[0]
    if len(spans) == 1:
        yield f"{branch} {_span(first, names, start)}{_why(first)}"
        return
    end = max(span.end for span in spans)
    keys = f"{counted(len({span.literals for span in spans}), 'key')}, " if first.outcome is Outcome.MERGED else ""
    yield (
        f"{branch} {safe(names.fingerprint_of(first))}  +{1000 * (first.start - start):.1f} ms, "
        f"{1000 * (end - first.start):.1f} ms  {first.outcome.value}: {len(spans)} requests, {keys}1 call"
    )
    received = f"{counted(total_rows(spans), 'row')}, {counted(total_bytes(spans), 'byte')}"
    yield f"{trunk} └─ {received}, returned to {len(spans)} callers"


def _span(span: Span, names: ConfirmedNames, start: float) -> str:
    received = (f", {counted(span.rows, 'row')}" if span.rows >= 0 else "") + f", {counted(span.size, 'byte')}"
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
