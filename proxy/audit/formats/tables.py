"""The tables of a report as text, for all formats."""

import datetime as dt
from collections.abc import Iterator, Sequence

import msgspec

from proxy.analysis.volume import format_bytes
from proxy.audit.report import (
    IgnoredFinding,
    ObservedLoad,
    QueryUsage,
    Report,
    ReportedFinding,
    StatementUsage,
    TrafficSummary,
)
from proxy.text.counted import counted
from proxy.text.terminal import safe

NONE = "–"


class ReportColumn(msgspec.Struct, frozen=True):
    """``right``: cells are numbers. ``verbatim``: cells are text from clients. ``below``: as text, a separate line."""

    head: str
    right: bool = False
    verbatim: bool = False
    below: bool = False


class ReportTable(msgspec.Struct, frozen=True):
    """A table whose cells have no control characters; ``empty`` replaces missing rows, ``after`` follows the rows."""

    title: str
    columns: tuple[ReportColumn, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str
    after: str = ""


def facts(report: Report) -> Iterator[tuple[str, str]]:
    """Labels and texts that summarize the traffic."""
    read = report.traffic
    yield "Read", ", ".join(map(safe, read.sources)) or NONE
    if report.database:
        yield "Database", f"{safe(report.database)}, schemas {', '.join(map(safe, report.schemas))}"
    yield "Time", _time(read)
    yield "Traces", _traces(read)
    again = f"; {read.repeated:,} more repeated by their clients" if read.repeated else ""
    yield "Queries", f"{read.queries:,} of {counted(read.kinds, 'kind')}{again}"
    yield "Merged", f"{read.merged:,} ({_percent(read.merged_share)}); {read.alone:,} more had nothing to merge with"
    yield "Upstream calls", f"{read.upstream_calls:,}; {read.saved_calls:,} saved"
    yield "Answers", f"{read.rows:,} rows, {format_bytes(read.bytes)}; {read.failed:,} failed"
    if read.nameless:
        yield "Not shown", _nameless(read)
    yield "Verdict", _verdict(report)


def _nameless(read: TrafficSummary) -> str:
    requests = "1 request" if read.nameless == 1 else f"{read.nameless:,} requests"
    return f"{requests}: PostgREST never accepted their table or column names, which could therefore contain data"


def _verdict(report: Report) -> str:
    failing, total = sum(reported.fails for reported in report.findings), len(report.findings)
    counts = f"failing findings: {failing:,} of {total:,} (--fail-on {report.fail_on})"
    coverage = " and --require-full-coverage" if report.full_coverage else ""
    missing = f"; not checked: {len(report.not_checked):,}{coverage}" if report.not_checked else ""
    return f"{'FAILED' if report.failed else 'ok'}: {counts}{missing}"


def _time(read: TrafficSummary) -> str:
    if read.begin is None or read.end is None:
        return NONE
    begin, end = (dt.datetime.fromtimestamp(at, dt.UTC) for at in (read.begin, read.end))
    return f"{begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


def _traces(read: TrafficSummary) -> str:
    truncated = f"; {read.truncated:,} truncated" if read.truncated else ""
    return f"{read.traces:,}: {read.explicit:,} explicit, {read.inferred:,} inferred, {read.mixed:,} mixed{truncated}"


def tables(report: Report) -> list[ReportTable]:
    """All tables in the order of the report."""
    every = [findings(report), _ignored(report), _queries(report), _routes(report), _bypassed(report)]
    every += list(_statements(report)) if report.statements else []
    every += [_no_index(report)] if report.no_index else []
    return [*every, _not_checked(report)] if report.database or report.not_checked else every


def findings(report: Report) -> ReportTable:
    """One row per finding."""
    columns = (
        ReportColumn("impact"),
        ReportColumn("code"),
        ReportColumn("times", right=True),
        ReportColumn("traces", right=True),
        ReportColumn("relation", verbatim=True),
        ReportColumn("route", verbatim=True),
        ReportColumn("title", below=True),
    )
    rows = tuple(_finding(reported) for reported in report.findings)
    return ReportTable("Findings", columns, rows, "No findings.")


def _finding(reported: ReportedFinding) -> tuple[str, ...]:
    finding = reported.finding
    times, traces = f"{reported.times:,}", f"{reported.traces:,}" if reported.traces else "all"
    title = safe(finding.title) + ("" if reported.judged else " (only in traces that cannot fail a build)")
    title += "" if reported.load is None or reported.load.calls else " (no observed request touches it)"
    return finding.impact, finding.code, times, traces, safe(finding.relation), safe(finding.route) or NONE, title


def _statements(report: Report) -> Iterator[ReportTable]:
    columns = (
        ReportColumn("time", right=True),
        ReportColumn("mean", right=True),
        ReportColumn("calls", right=True),
        ReportColumn("roles", verbatim=True),
        ReportColumn("query", verbatim=True, below=True),
        ReportColumn("not joined to a query", below=True),
    )
    for postgrest, title in ((True, "Statements of PostgREST in the database"), (False, "Statements of others")):
        rows = tuple(_statement(one) for one in report.statements if one.postgrest is postgrest)
        yield ReportTable(title, columns, rows, "There is none.")


def _statement(one: StatementUsage) -> tuple[str, ...]:
    query, roles = safe(one.fingerprint or one.text), ", ".join(map(safe, one.roles))
    return _ms(one.total), _ms(one.mean), f"{one.calls:,}", roles, query, safe(one.why)


def _no_index(report: Report) -> ReportTable:
    columns = (
        ReportColumn("queries", right=True),
        ReportColumn("table", verbatim=True),
        ReportColumn("reason", below=True),
        ReportColumn("for example", verbatim=True, below=True),
    )
    rows = tuple(
        (f"{one.queries:,}", safe(one.table), safe(one.reason), ", ".join(map(safe, one.fingerprints)))
        for one in report.no_index
    )
    return ReportTable("No index to create, because …", columns, rows, "There is no reason.")


def _not_checked(report: Report) -> ReportTable:
    columns = (
        ReportColumn("check"),
        ReportColumn("object", verbatim=True),
        ReportColumn("because", below=True),
        ReportColumn("what to do", below=True),
    )
    rows = tuple(
        (safe(item.check), safe(item.object) or NONE, safe(item.because), safe(item.remedy))
        for item in report.not_checked
    )
    return ReportTable(f"Not checked, because …: {len(rows)}", columns, rows, "Everything was checked.")


def _ignored(report: Report) -> ReportTable:
    columns = (
        ReportColumn("impact"),
        ReportColumn("code"),
        ReportColumn("times", right=True),
        ReportColumn("relation", verbatim=True),
        ReportColumn("route", verbatim=True),
        ReportColumn("title", below=True),
        ReportColumn("reason", below=True),
    )
    rows = tuple(_ignored_finding(ignored) for ignored in report.ignored)
    return ReportTable(f"Ignored: {len(rows)}", columns, rows, "No finding is ignored.")


def _ignored_finding(ignored: IgnoredFinding) -> tuple[str, ...]:
    finding, owner = ignored.finding, f", owner {safe(ignored.owner)}" if ignored.owner else ""
    until = f", until {ignored.until}" if ignored.until else ""
    names = (safe(finding.relation), safe(finding.route) or NONE, safe(finding.title))
    return finding.impact, finding.code, f"{ignored.times:,}", *names, f"{safe(ignored.reason)}{owner}{until}"


def _queries(report: Report) -> ReportTable:
    heads = ("time", "share", "requests", "merged", "p50", "p95", "rows per request", "bytes", "failed")
    columns = (
        *(ReportColumn(head, right=True) for head in heads),
        ReportColumn("query", verbatim=True, below=True),
        ReportColumn("routes", verbatim=True, below=True),
    )
    more = f"{report.more_queries:,} more kinds of queries are not shown." if report.more_queries else ""
    rows = tuple(_query(usage) for usage in report.queries)
    return ReportTable("Queries that take the most time", columns, rows, "No query can be shown.", more)


def _query(usage: QueryUsage) -> tuple[str, ...]:
    return (
        _ms(usage.total),
        _percent(usage.share),
        f"{usage.calls:,}",
        _percent(usage.merged / usage.calls),
        _ms(usage.p50),
        _ms(usage.p95),
        f"{usage.rows_per_call:,.1f}",
        format_bytes(usage.bytes),
        f"{usage.failed:,}",
        safe(usage.fingerprint),
        ", ".join(map(safe, usage.routes)),
    )


def _routes(report: Report) -> ReportTable:
    heads = ("p50", "max", "traces", "cannot fail", "queries", "upstream calls", "rows", "bytes")
    columns = (*(ReportColumn(head, right=True) for head in heads), ReportColumn("route", verbatim=True))
    more = f"{report.more_routes:,} more routes are not shown." if report.more_routes else ""
    rows = tuple(
        (
            *(f"{count:,}" for count in (usage.p50_queries, usage.max_queries, usage.traces, usage.unjudged)),
            *(f"{count:,}" for count in (usage.queries, usage.upstream_calls, usage.rows)),
            format_bytes(usage.bytes),
            safe(usage.route) or NONE,
        )
        for usage in report.routes
    )
    return ReportTable("Routes by queries per trace", columns, rows, "There is no route.", more)


def _bypassed(report: Report) -> ReportTable:
    columns = (
        ReportColumn("requests", right=True),
        ReportColumn("reason"),
        ReportColumn("why", below=True),
        ReportColumn("what to do", below=True),
        ReportColumn("for example", verbatim=True, below=True),
    )
    rows = tuple(
        (f"{usage.queries:,}", safe(usage.reason), usage.why, usage.remedy, ", ".join(map(safe, usage.fingerprints)))
        for usage in report.bypassed
    )
    return ReportTable("Why requests were not merged", columns, rows, "No request had a bypass reason.")


def seen(reported: ReportedFinding) -> str:
    """Number and place of the occurrences of a finding."""
    if reported.load is not None:
        return _load(reported.load)
    times = counted(reported.times, "time")
    if not reported.traces:
        return f"{times}, in the workload as a whole"
    first = f"first in trace {safe(reported.trace)} of {safe(reported.source)}"
    where = f"{times} in {counted(reported.traces, 'trace')}; {first}"
    return where if reported.judged else f"{where}; none of these traces can fail a build: inferred, mixed or truncated"


def _load(load: ObservedLoad) -> str:
    if not load.calls:
        return "in the database; no observed request touches it"
    rates = f"{load.calls_per_hour:,.1f} requests/h, {load.ms_per_hour:,.1f} ms/h"
    answers = f"{load.rows:,} rows, {format_bytes(load.bytes)}"
    names = (("routes", load.routes), ("called from", load.callers))
    places = "".join(f"; {label} {', '.join(map(safe, found))}" for label, found in names if any(found))
    return f"{counted(load.calls, 'observed request')}: {rates}; {answers}{places}"


def warnings(report: Report) -> Sequence[str]:
    """The warnings without control characters."""
    return [safe(text) for text in report.warnings]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _ms(ms: float) -> str:
    return f"{ms:,.1f} ms" if ms < 1000 else f"{ms / 1000:,.2f} s"
