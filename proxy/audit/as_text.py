"""A report for a terminal, or for a build's log: no line is longer than 120 columns, or begins with a client's word."""

from collections.abc import Iterator, Sequence

from proxy.audit.columns import WIDTH, aligned, cells, wrapped
from proxy.audit.report import Report, ReportedFinding
from proxy.audit.tables import ReportTable, TableColumn, facts, findings, seen, tables, warnings
from proxy.findings.report import finding_lines

LABEL = 16
"""Columns of what stands before a fact."""
MOST = 44
"""Columns of a cell; what is longer is told whole with its finding, or in another format."""


def text(report: Report) -> str:
    """All of it."""
    return "\n".join([*_head(report), *_body(report)]) + "\n"


def summary(report: Report) -> str:
    """What was read, and what was found, a line or two each."""
    return "\n".join([*_head(report), "", *_table(findings(report))]) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield "fanin audit: the workload"
    yield ""
    for label, told in facts(report):
        yield from wrapped(f"{label:<{LABEL}}", told, LABEL)
    for warning in warnings(report):
        yield from wrapped(f"{'warning':<{LABEL}}", warning, LABEL)


def _body(report: Report) -> Iterator[str]:
    summed, *others = tables(report)
    for part in (_table(summed), *map(_finding, report.findings), *map(_table, others)):
        yield ""
        yield from part


def _finding(one: ReportedFinding) -> Iterator[str]:
    """What is beside a label stays there on its further lines; code begins deeper."""
    heading, *lines = finding_lines(one.finding)
    for line in (heading, f"  {'Seen':<21} {seen(one)}", *lines):
        code = line.startswith(" " * 6) and not line.startswith(" " * 24)
        hang = 4 if line is heading else 8 if code else 26
        yield from wrapped("│ ", line, hang)


def _table(table: ReportTable) -> Iterator[str]:
    yield table.title
    yield "─" * cells(table.title)
    if not table.rows:
        yield table.empty
        return
    beside = [at for at, column in enumerate(table.columns) if not column.below]
    yield from _rows(table, beside)
    if table.after:
        yield table.after


def _rows(table: ReportTable, beside: Sequence[int]) -> Iterator[str]:
    columns = [table.columns[at] for at in beside]
    lines = [[row[at] for at in beside] for row in table.rows]
    widths = _widths(columns, lines)
    right = [column.right for column in columns]
    yield aligned([column.head for column in columns], widths, right)
    for row, line in zip(table.rows, lines, strict=True):
        yield aligned(line, widths, right)
        for column, cell in zip(table.columns, row, strict=True):
            if column.below and cell:
                yield from wrapped(f"    {column.head}: ", cell, 6)


def _widths(columns: Sequence[TableColumn], lines: Sequence[Sequence[str]]) -> list[int]:
    """What each column takes; the last one has what is left, if it needs that."""
    needs = [max(cells(column.head), *(cells(line[at]) for line in lines)) for at, column in enumerate(columns)]
    widths = [min(MOST, need) for need in needs[:-1]]
    return [*widths, min(needs[-1], WIDTH - sum(width + 2 for width in widths))]
