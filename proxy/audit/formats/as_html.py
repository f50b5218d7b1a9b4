"""Formats a report as one HTML page without external resources; its Content-Security-Policy enforces this, and that
only its own script runs, which sorts tables.

Text from clients is escaped.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from itertools import groupby

from proxy.audit.formats.script import SCRIPT
from proxy.audit.formats.style import STYLE
from proxy.audit.formats.tables import ReportColumn, ReportTable, facts, seen, tables, warnings
from proxy.audit.phases import TITLES, UNTOUCHED, phases
from proxy.audit.report import Report, ReportedFinding
from proxy.findings.model import Finding
from proxy.findings.report import LabelledLines, fixes, heading, parts_after_fix, parts_before_fix, plan_of
from proxy.text.terminal import safe


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY = f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; base-uri 'none'"
"""Content-Security-Policy that allows this one style sheet and script only (https://www.w3.org/TR/CSP3/)."""
HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>fanin audit: the workload</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>fanin audit: the workload</h1>"""


def html(report: Report) -> str:
    """The whole report."""
    return "\n".join([HEAD, *_body(report), "</main>", f"<script>{SCRIPT}</script>", "</body>", "</html>"]) + "\n"


def _body(report: Report) -> Iterator[str]:
    yield "<dl>"
    yield from (f"<dt>{label}</dt><dd>{escape(fact)}</dd>" for label, fact in facts(report))
    yield from (f"<dt>warning</dt><dd>{escape(warning)}</dd>" for warning in warnings(report))
    yield "</dl>"
    finding_table, *others = tables(report)
    yield from _table(finding_table, links=True)
    yield from _phases(report)
    for table in others:
        yield from _table(table)


def _phases(report: Report) -> Iterator[str]:
    for phase in phases(report.findings):
        yield f"<h2>{escape(phase.title)}</h2>"
        for number, reported in phase.touched:
            yield from _finding(number, reported)
        if phase.untouched:
            yield f"<p>{escape(UNTOUCHED)}</p>"
        for number, reported in phase.untouched:
            yield from _finding(number, reported)
    yield from (f"<p>{escape(hint)}</p>" for hint in report.hints)
    if report.monitoring:
        yield f"<h2>{escape(TITLES['monitoring'])}</h2>"
    for each in report.monitoring:
        yield f'<p>{escape(each.title)}:</p><pre class="plan" tabindex="0">{escape(each.text)}</pre>'


def _table(table: ReportTable, links: bool = False) -> Iterator[str]:
    """A table, which scrolls on its own if it is wide; ``links``: each row has a link to its finding."""
    yield f"<h2>{escape(table.title)}</h2>"
    if not table.rows:
        yield f"<p>{escape(table.empty)}</p>"
        return
    yield f'<div class="wide" role="region" tabindex="0" aria-label="{escape(table.title)}"><table>'
    yield f"<thead><tr>{''.join(_heading(column) for column in table.columns)}</tr></thead>"
    yield "<tbody>"
    for number, row in enumerate(table.rows, 1):
        cells = [_cell(column, text) for column, text in zip(table.columns, row, strict=True)]
        if links:
            cells[0] = f'<td><a class="{escape(row[0].lower())}" href="#finding-{number}">{escape(row[0])}</a></td>'
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"
    if table.after:
        yield f"<p>{escape(table.after)}</p>"


def _heading(column: ReportColumn) -> str:
    return f'<th scope="col"{_class(column)}><button type="button">{escape(column.head)}</button></th>'


def _cell(column: ReportColumn, text: str) -> str:
    escaped = escape(text)
    return f"<td{_class(column)}>{f'<code>{escaped}</code>' if column.verbatim and text else escaped}</td>"


def _class(column: ReportColumn) -> str:
    return ' class="number"' if column.right else ""


def _finding(number: int, reported: ReportedFinding) -> Iterator[str]:
    finding = reported.finding
    yield f'<section id="finding-{number}" class="{escape(finding.impact.lower())}">'
    yield f"<h3>{escape(heading(finding))}</h3>"
    yield from _parts([("Seen", (seen(reported),)), *parts_before_fix(finding)])
    yield from _bars(finding)
    for name, _, code in fixes(finding):
        yield f"<details open><summary>Fix ({name})</summary>"
        yield f'<pre tabindex="0">{escape(chr(10).join(code))}</pre></details>'
    yield from _parts(parts_after_fix(finding))
    yield "</section>"


def _parts(parts: LabelledLines) -> Iterator[str]:
    yield "<dl>"
    for label, lines in parts:
        yield f"<dt>{label}</dt>{''.join(_lines(lines))}"
    yield "</dl>"


def _lines(lines: Sequence[str]) -> Iterator[str]:
    """Each line; those of a plan together, as a tree."""
    for plan, group in groupby(lines, plan_of):
        if plan:
            tree = "\n".join(line.removeprefix(f"{plan}: ") for line in group)
            yield f'<dd><figure><figcaption>plan {plan} the fix</figcaption><pre class="plan" tabindex="0">'
            yield f"{escape(tree)}</pre></figure></dd>"
        else:
            yield from (f"<dd>{escape(line)}</dd>" for line in group)


def _bars(finding: Finding) -> Iterator[str]:
    """What it costs before and after, as bars of one scale per line."""
    for one in finding.measured:
        most = max(one.before, one.after) or 1
        yield f'<div class="bars"><p>{escape(safe(one.label))}</p>'
        for which, value in (("before", one.before), ("after", one.after)):
            text = f"{value:,.2f} {one.unit}"
            yield f'<span>{which}</span><progress class="{which}" max="{most}" value="{value}" aria-label="{which}">'
            yield f"{escape(text)}</progress><span>{escape(text)}</span>"
        yield "</div>"
