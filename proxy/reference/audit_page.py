"""The page of docs/reference about reports as JSON, made from the structs that are written."""

from collections.abc import Iterator

from proxy.audit.report import (
    FORMAT,
    BypassUsage,
    IgnoredFinding,
    QueryUsage,
    Report,
    ReportedFinding,
    RouteUsage,
    TrafficSummary,
)
from proxy.findings.model import Finding
from proxy.text.markdown import field_rows, table


def audit() -> Iterator[str]:
    """The page, line by line."""
    yield from (
        "# Reports",
        "",
        "`fanin audit --format json` writes one object; the other formats tell the same in words. This is format"
        f" {FORMAT}: further fields may come without a new number, none goes or changes its meaning."
        " [What to do with it](../how-to/audit.md).",
        "",
        "Sizes are bytes, times are milliseconds, moments are seconds since 1970. No value of a request is in it,"
        " and no name that PostgREST has not taken for one. What clients call their traces, routes and callers is"
        " theirs.",
        "",
    )
    told = (
        (Report, "The report"),
        (TrafficSummary, "Its `traffic`"),
        (ReportedFinding, "Each of `findings`"),
        (Finding, "Each `finding`"),
        (IgnoredFinding, "Each of `ignored`"),
        (QueryUsage, "Each of `queries`"),
        (RouteUsage, "Each of `routes`"),
        (BypassUsage, "Each of `bypassed`"),
    )
    for kind, where in told:
        yield from (f"## {where}", "")
        yield from table(("field", "what it says"), (row[:2] for row in field_rows(kind)))
