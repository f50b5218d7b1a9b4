"""Formats a report as Markdown, for a wiki, a pull request or a build summary (https://github.github.com/gfm/)."""

from collections.abc import Iterator

from proxy.audit.formats.tables import NONE, ReportColumn, ReportTable, facts, seen, tables, warnings
from proxy.audit.phases import TITLES, UNTOUCHED, phases
from proxy.audit.report import Report, ReportedFinding
from proxy.findings.markdown import finding_markdown
from proxy.findings.report import heading
from proxy.text.markdown import code_span, escaped, fenced


def markdown(report: Report) -> str:
    """The whole report; text from clients is code or escaped, so that it makes no link, HTML or mention."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield from ("# fanin audit: the workload", "")
    yield from (f"- **{label}**: {escaped(fact)}" for label, fact in facts(report))
    yield from (f"- **warning**: {escaped(warning)}" for warning in warnings(report))
    finding_table, *others = tables(report)
    yield from _table(finding_table)
    yield from _phases(report)
    yield from _monitoring(report)
    for table in others:
        yield from _table(table)


def _phases(report: Report) -> Iterator[str]:
    for phase in phases(report.findings):
        yield from ("", f"## {escaped(phase.title)}")
        for _, reported in phase.touched:
            yield from _finding(reported)
        if phase.untouched:
            yield from ("", UNTOUCHED)
        for _, reported in phase.untouched:
            yield from _finding(reported)
    yield from (line for hint in report.hints for line in ("", escaped(hint)))


def _monitoring(report: Report) -> Iterator[str]:
    if report.monitoring:
        yield from ("", f"## {escaped(TITLES['monitoring'])}")
    for each in report.monitoring:
        yield from ("", f"{each.title}:", "")
        yield from fenced(each.language, each.text.split("\n"))


def _table(table: ReportTable) -> Iterator[str]:
    yield from ("", f"## {escaped(table.title)}", "")
    if not table.rows:
        yield escaped(table.empty)
        return
    yield f"| {' | '.join(column.head for column in table.columns)} |"
    yield f"|{'|'.join('---:' if column.right else '---' for column in table.columns)}|"
    for row in table.rows:
        yield f"| {' | '.join(_cell(*pair) for pair in zip(table.columns, row, strict=True))} |"
    if table.after:
        yield from ("", escaped(table.after))


def _cell(column: ReportColumn, text: str) -> str:
    return code_span(text).replace("|", r"\|") if column.verbatim and text != NONE else escaped(text)


def _finding(reported: ReportedFinding) -> Iterator[str]:
    finding = reported.finding
    yield from ("", f"### {escaped(heading(finding))}", "")
    yield from finding_markdown(finding, [("Seen", (seen(reported),))])
