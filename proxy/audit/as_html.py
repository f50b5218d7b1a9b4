"""Formats a report as one HTML page without scripts or external resources; its Content-Security-Policy enforces this.

Text from clients is escaped.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape

from proxy.audit.report import Report, ReportedFinding
from proxy.audit.style import STYLE
from proxy.audit.tables import ReportColumn, ReportTable, facts, seen, tables, warnings
from proxy.findings.report import LabelledLines, fixes, heading, parts_after_fix, parts_before_fix

POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; base-uri 'none'"
)
"""Content-Security-Policy that allows this one style sheet only (https://www.w3.org/TR/CSP3/)."""
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
    return "\n".join([HEAD, *_body(report), "</main>", "</body>", "</html>"]) + "\n"


def _body(report: Report) -> Iterator[str]:
    yield "<dl>"
    yield from (f"<dt>{label}</dt><dd>{escape(fact)}</dd>" for label, fact in facts(report))
    yield from (f"<dt>warning</dt><dd>{escape(warning)}</dd>" for warning in warnings(report))
    yield "</dl>"
    finding_table, *others = tables(report)
    yield from _table(finding_table, links=True)
    for number, reported in enumerate(report.findings, 1):
        yield from _finding(number, reported)
    for table in others:
        yield from _table(table)


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
    return f'<th scope="col"{_class(column)}>{escape(column.head)}</th>'


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
    for name, _, code in fixes(finding):
        yield f"<details open><summary>Fix ({name})</summary>"
        yield f'<pre tabindex="0">{escape(chr(10).join(code))}</pre></details>'
    yield from _parts(parts_after_fix(finding))
    yield "</section>"


def _parts(parts: LabelledLines) -> Iterator[str]:
    yield "<dl>"
    for label, lines in parts:
        yield f"<dt>{label}</dt>{''.join(f'<dd>{escape(line)}</dd>' for line in lines)}"
    yield "</dl>"
