"""The page of docs/reference about reports as JSON, generated from their structs."""

from collections.abc import Iterator

from proxy.audit.report import (
    FORMAT,
    BypassUsage,
    IgnoredFinding,
    MonitoringText,
    NoIndexReason,
    ObservedLoad,
    QueryUsage,
    Report,
    ReportedFinding,
    RouteUsage,
    StatementUsage,
    TracedNumber,
    TrafficSummary,
    UncheckedItem,
)
from proxy.findings.model import DatabaseObject, Finding, IndexShape, Measured
from proxy.text.markdown import field_rows, table


def audit() -> Iterator[str]:
    """The page, line by line."""
    yield from (
        "# Reports",
        "",
        "`fanin audit --format json` writes one object; the other formats have the same content as text. This is format"
        f" {FORMAT}: fields may be added without a new number; none is removed or changes its meaning."
        " [How to use it](../how-to/audit.md).",
        "",
        "Sizes are bytes, times are milliseconds, timestamps are seconds since 1970. A report has no value of a"
        " request, and no table or column name that PostgREST did not accept. Names of traces, routes and callers"
        " come from clients.",
        "",
    )
    parts = (
        (Report, "The report"),
        (TrafficSummary, "Its `traffic`"),
        (ReportedFinding, "Each of `findings`"),
        (ObservedLoad, "Its `load`"),
        (TracedNumber, "Each of its `numbers`"),
        (Finding, "Each `finding`"),
        (DatabaseObject, "Its `object`"),
        (IndexShape, "Its `index`"),
        (Measured, "Each of its `measured`"),
        (IgnoredFinding, "Each of `ignored`"),
        (QueryUsage, "Each of `queries`"),
        (RouteUsage, "Each of `routes`"),
        (BypassUsage, "Each of `bypassed`"),
        (StatementUsage, "Each of `statements`"),
        (NoIndexReason, "Each of `no_index`"),
        (UncheckedItem, "Each of `not_checked`"),
        (MonitoringText, "Each of `monitoring`"),
    )
    for kind, where in parts:
        yield from (f"## {where}", "")
        yield from table(("field", "what it says"), (row[:2] for row in field_rows(kind)))
