"""What stands in the tables of a report, in words; each format lays them out in its way."""

import datetime as dt
from collections.abc import Iterator, Sequence

import msgspec

from proxy.analysis.volume import format_bytes, plural
from proxy.audit.report import IgnoredFinding, QueryUsage, Report, ReportedFinding, TrafficSummary
from proxy.text.terminal import safe

NONE = "–"


class TableColumn(msgspec.Struct, frozen=True):
    """``right``: its cells are numbers. ``verbatim``: clients' words. ``below``: wants a line of its own."""

    head: str
    right: bool = False
    verbatim: bool = False
    below: bool = False


class ReportTable(msgspec.Struct, frozen=True):
    """Rows of as many cells as there are columns, without control characters; ``empty`` is told where there are none,
    ``after`` behind them.
    """

    title: str
    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str
    after: str = ""


def facts(report: Report) -> Iterator[tuple[str, str]]:
    """What was read, a label and a text each."""
    read = report.traffic
    yield "Read", ", ".join(map(safe, read.sources))
    yield "Time", _time(read)
    yield "Traces", _traces(read)
    again = f"; {read.repeated:,} more repeated by their clients" if read.repeated else ""
    yield "Queries", f"{read.queries:,} of {plural(read.kinds, 'kind')}{again}"
    yield "Merged", f"{read.merged:,} ({_percent(read.merged_share)}); {read.alone:,} more found no company"
    yield "Upstream calls", f"{read.upstream_calls:,} answered them: {read.saved_calls:,} saved"
    yield "Answers", f"{read.rows:,} rows, {format_bytes(read.bytes)}; {read.failed:,} failed"
    if read.nameless:
        yield "Not shown", _nameless(read)
    yield "Verdict", _verdict(report)


def _nameless(read: TrafficSummary) -> str:
    return f"{read.nameless:,} of the requests: PostgREST has not taken their names, so that they may be anything"


def _verdict(report: Report) -> str:
    failing, all_ = sum(one.fails for one in report.findings), len(report.findings)
    told = f"failing findings: {failing:,} of {all_:,} (--fail-on {report.fail_on})"
    return f"{'FAILED' if report.failed else 'ok'}: {told}"


def _time(read: TrafficSummary) -> str:
    if read.begin is None or read.end is None:
        return NONE
    begin, end = (dt.datetime.fromtimestamp(at, dt.UTC) for at in (read.begin, read.end))
    return f"{begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


def _traces(read: TrafficSummary) -> str:
    cut = f"; {read.truncated:,} cut short" if read.truncated else ""
    return f"{read.traces:,}: {read.explicit:,} explicit, {read.inferred:,} inferred, {read.mixed:,} mixed{cut}"


def tables(report: Report) -> list[ReportTable]:
    """All of them, in the order that they are told."""
    return [findings(report), _ignored(report), _queries(report), _routes(report), _refusals(report)]


def findings(report: Report) -> ReportTable:
    """One line for each."""
    columns = (
        TableColumn("impact"),
        TableColumn("code"),
        TableColumn("times", right=True),
        TableColumn("traces", right=True),
        TableColumn("relation", verbatim=True),
        TableColumn("route", verbatim=True),
        TableColumn("title", below=True),
    )
    rows = tuple(_finding(one) for one in report.findings)
    return ReportTable("Findings", columns, rows, "Nothing was found.")


def _finding(one: ReportedFinding) -> tuple[str, ...]:
    found = one.finding
    traces = f"{one.traces:,}" if one.traces else "all"
    title = safe(found.title) + ("" if one.judged else " (only in traces that cannot fail a build)")
    return found.impact, found.code, f"{one.times:,}", traces, safe(found.relation), safe(found.route) or NONE, title


def _ignored(report: Report) -> ReportTable:
    columns = (
        TableColumn("impact"),
        TableColumn("code"),
        TableColumn("times", right=True),
        TableColumn("relation", verbatim=True),
        TableColumn("route", verbatim=True),
        TableColumn("title", below=True),
        TableColumn("reason", below=True),
    )
    rows = tuple(_left(one) for one in report.ignored)
    return ReportTable(f"Ignored: {len(rows)}", columns, rows, "Nothing that was found is ignored.")


def _left(one: IgnoredFinding) -> tuple[str, ...]:
    found, owner = one.finding, f", owner {safe(one.owner)}" if one.owner else ""
    until = f", until {one.until}" if one.until else ""
    names = (safe(found.relation), safe(found.route) or NONE, safe(found.title))
    return found.impact, found.code, f"{one.times:,}", *names, f"{safe(one.reason)}{owner}{until}"


def _queries(report: Report) -> ReportTable:
    heads = ("time", "share", "requests", "merged", "p50", "p95", "rows each", "bytes", "failed")
    columns = (
        *(TableColumn(head, right=True) for head in heads),
        TableColumn("query", verbatim=True, below=True),
        TableColumn("routes", verbatim=True, below=True),
    )
    more = f"{report.more_queries:,} more kinds of queries are not shown." if report.more_queries else ""
    rows = tuple(_query(one) for one in report.queries)
    return ReportTable("Queries that take the most time", columns, rows, "There is none to show.", more)


def _query(one: QueryUsage) -> tuple[str, ...]:
    return (
        _ms(one.total),
        _percent(one.share),
        f"{one.calls:,}",
        _percent(one.merged / one.calls),
        _ms(one.p50),
        _ms(one.p95),
        f"{one.rows_per_call:,.1f}",
        format_bytes(one.bytes),
        f"{one.failed:,}",
        safe(one.fingerprint),
        ", ".join(map(safe, one.routes)),
    )


def _routes(report: Report) -> ReportTable:
    heads = ("p50", "max", "traces", "not judged", "queries", "upstream calls", "rows", "bytes")
    columns = (*(TableColumn(head, right=True) for head in heads), TableColumn("route", verbatim=True))
    more = f"{report.more_routes:,} more routes are not shown." if report.more_routes else ""
    rows = tuple(
        (
            *(f"{count:,}" for count in (one.p50_queries, one.max_queries, one.traces, one.unjudged)),
            *(f"{count:,}" for count in (one.queries, one.upstream_calls, one.rows)),
            format_bytes(one.bytes),
            safe(one.route) or NONE,
        )
        for one in report.routes
    )
    return ReportTable("Routes by queries a trace", columns, rows, "There is none.", more)


def _refusals(report: Report) -> ReportTable:
    columns = (
        TableColumn("requests", right=True),
        TableColumn("reason"),
        TableColumn("why", below=True),
        TableColumn("what to do", below=True),
        TableColumn("for example", verbatim=True, below=True),
    )
    rows = tuple(
        (f"{one.queries:,}", safe(one.reason), one.why, one.remedy, ", ".join(map(safe, one.fingerprints)))
        for one in report.bypassed
    )
    return ReportTable("What could be turned on: why requests were not merged", columns, rows, "Nothing was refused.")


def seen(one: ReportedFinding) -> str:
    """Where and how often a finding was made."""
    times = plural(one.times, "time")
    if not one.traces:
        return f"{times}, in the workload as a whole"
    where = f"{times} in {plural(one.traces, 'trace')}; first in trace {safe(one.trace)} of {safe(one.source)}"
    return where if one.judged else f"{where}; no trace of these can fail a build: inferred, mixed or cut short"


def warnings(report: Report) -> Sequence[str]:
    """What to know of all this."""
    return [safe(text) for text in report.warnings]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _ms(ms: float) -> str:
    return f"{ms:,.1f} ms" if ms < 1000 else f"{ms / 1000:,.2f} s"
