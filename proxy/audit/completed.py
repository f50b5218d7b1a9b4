"""Adds to a report what follows from its findings: their phases, what to watch from now on, and hints."""

from collections.abc import Iterator

from msgspec.structs import replace

from proxy.audit.monitoring import monitoring
from proxy.audit.phases import phase_of
from proxy.audit.report import Report

TYPES = (
    "[LOW] traffic does not show whether clients cast answers by hand: generate their types from the database"
    " (supabase gen types typescript --db-url URI > database.types.ts)"
)


def completed(report: Report) -> Report:
    """The report with phases, monitoring and hints."""
    findings = tuple(replace(each, phase=phase_of(each.finding)) for each in report.findings)
    return replace(report, findings=findings, monitoring=monitoring(findings), hints=tuple(_hints(report)))


def _hints(report: Report) -> Iterator[str]:
    if report.database and report.traffic.queries:
        yield TYPES
