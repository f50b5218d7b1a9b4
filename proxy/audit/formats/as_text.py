"""Formats a report for a terminal or a build log.

No line is longer than 120 columns or begins with text from a client.
"""

from collections.abc import Iterator, Sequence

from proxy.audit.formats.columns import WIDTH, aligned, cells, wrapped
from proxy.audit.formats.tables import ReportColumn, ReportTable, facts, findings, seen, tables, warnings
from proxy.audit.phases import TITLES, UNTOUCHED, phases
from proxy.audit.report import MonitoringText, Report, ReportedFinding
from proxy.findings.report import finding_lines

LABEL = 16
"""Width of the label before a fact, in columns."""
MAX_CELL = 44
"""Maximum width of a cell, in columns; the finding or another format has the full text."""


def text(report: Report) -> str:
    """The whole report."""
    return "\n".join([*_head(report), *_body(report)]) + "\n"


def summary(report: Report) -> str:
    """The summary of the traffic and the table of findings."""
    return "\n".join([*_head(report), "", *_table(findings(report))]) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield "fanin audit: the workload"
    yield ""
    for label, fact in facts(report):
        yield from wrapped(f"{label:<{LABEL}}", fact, LABEL)
    for warning in warnings(report):
        yield from wrapped(f"{'warning':<{LABEL}}", warning, LABEL)


def _body(report: Report) -> Iterator[str]:
    finding_table, *others = tables(report)
    parts = (_table(finding_table), *_phases(report), *_monitoring(report), *map(_table, others))
    for part in parts:
        yield ""
        yield from part


def _phases(report: Report) -> Iterator[Iterator[str]]:
    for phase in phases(report.findings):
        yield _title(phase.title)
        yield from (_finding(reported) for _, reported in phase.touched)
        if phase.untouched:
            yield iter([UNTOUCHED])
            yield from (_finding(reported) for _, reported in phase.untouched)
    if report.hints:
        yield from (wrapped("", hint, 4) for hint in report.hints)


def _monitoring(report: Report) -> Iterator[Iterator[str]]:
    """Texts to paste, each line whole where it fits."""
    if report.monitoring:
        yield _title(TITLES["monitoring"])
    for each in report.monitoring:
        yield (line for text in (f"{each.title}:", *_code(each)) for line in wrapped("", text, 8))


def _code(text: MonitoringText) -> Iterator[str]:
    return (f"    {line}" for line in text.text.split("\n"))


def _title(title: str) -> Iterator[str]:
    yield title
    yield "─" * cells(title)


def _finding(reported: ReportedFinding) -> Iterator[str]:
    """The lines of a finding; wrapped text continues below its start, next to the label."""
    heading, *lines = finding_lines(reported.finding)
    for line in (heading, f"  {'Seen':<21} {seen(reported)}", *lines):
        code = line.startswith(" " * 6) and not line.startswith(" " * 24)
        hang = 4 if line is heading else 8 if code else 26
        yield from wrapped("│ ", line, hang)


def _table(table: ReportTable) -> Iterator[str]:
    yield from _title(table.title)
    if not table.rows:
        yield table.empty
        return
    in_row = [index for index, column in enumerate(table.columns) if not column.below]
    yield from _rows(table, in_row)
    if table.after:
        yield table.after


def _rows(table: ReportTable, in_row: Sequence[int]) -> Iterator[str]:
    """The table with the columns of ``in_row`` next to each other, and each of the others on a line below its row."""
    columns = [table.columns[index] for index in in_row]
    lines = [[row[index] for index in in_row] for row in table.rows]
    widths = _widths(columns, lines)
    right = [column.right for column in columns]
    yield aligned([column.head for column in columns], widths, right)
    for row, line in zip(table.rows, lines, strict=True):
        yield aligned(line, widths, right)
        for column, cell in zip(table.columns, row, strict=True):
            if column.below and cell:
                yield from wrapped(f"    {column.head}: ", cell, 6)


def _widths(columns: Sequence[ReportColumn], lines: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column; the last one may use the rest of the line."""
    needs = [max(cells(column.head), *(cells(line[at]) for line in lines)) for at, column in enumerate(columns)]
    widths = [min(MAX_CELL, need) for need in needs[:-1]]
    return [*widths, min(needs[-1], WIDTH - sum(width + 2 for width in widths))]
