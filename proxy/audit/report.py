"""The fields of a report. The reference page is generated from this module; every format contains all fields."""

from typing import Annotated

import msgspec
from msgspec import Meta

from proxy.findings.model import Finding

FORMAT = 1
"""Format version; increased by changes that break existing readers."""

AuditCount = Annotated[int, Meta(ge=0)]
Ms = Annotated[float, Meta(ge=0)]


class TrafficSummary(msgspec.Struct, frozen=True):
    """The traffic as a whole."""

    sources: Annotated[tuple[str, ...], Meta(description="The recordings, or the admin port's URL.")]
    begin: Annotated[
        float | None, Meta(description="Start of the first request, in seconds since 1970; null without requests.")
    ]
    end: Annotated[
        float | None, Meta(description="End of the last answer, in seconds since 1970; null without requests.")
    ]
    traces: Annotated[AuditCount, Meta(description="Application requests, page loads and jobs. Parts count together.")]
    explicit: Annotated[AuditCount, Meta(description="Traces that their client named.")]
    inferred: Annotated[AuditCount, Meta(description="Traces inferred from caller and timing.")]
    mixed: Annotated[
        AuditCount, Meta(description="Inferred traces that overlap others. Rules for one trace skip them.")
    ]
    truncated: Annotated[AuditCount, Meta(description="Traces of all three kinds with more requests than are kept.")]
    queries: Annotated[AuditCount, Meta(description="Requests to PostgREST, without preflights and clients' retries.")]
    repeated: Annotated[AuditCount, Meta(description="Clients' retries (`X-Retry-Count`).")]
    kinds: Annotated[AuditCount, Meta(description="Number of different fingerprints.")]
    merged: Annotated[AuditCount, Meta(description="Requests answered by a call that they shared with others.")]
    merged_share: Annotated[float, Meta(description="`merged` as a share of all requests, 0 to 1.")]
    alone: Annotated[AuditCount, Meta(description="Requests that may be merged, but had nothing to merge with.")]
    upstream_calls: Annotated[AuditCount, Meta(description="Upstream calls that answered requests, each counted once.")]
    saved_calls: Annotated[
        int, Meta(description="Answered requests minus `upstream_calls`; negative if lists were sent in chunks.")
    ]
    failed: Annotated[AuditCount, Meta(description="Requests with a status of 400 or above, or without an answer.")]
    rows: Annotated[AuditCount, Meta(description="Rows in all answers with a known number of rows.")]
    bytes: Annotated[AuditCount, Meta(description="Bytes of the bodies of all answers.")]
    nameless: Annotated[
        AuditCount,
        Meta(
            description="Requests whose names PostgREST never accepted. Their queries are not shown: they may contain"
            " values."
        ),
    ]


class ObservedLoad(msgspec.Struct, frozen=True):
    """The observed requests for the table, view or function of a finding over the database."""

    calls: Annotated[AuditCount, Meta(description="Number of requests; 0 if no observed request touches it.")]
    calls_per_hour: Annotated[float, Meta(ge=0, description="Requests per hour of the observed time.")]
    ms_per_hour: Annotated[Ms, Meta(description="Milliseconds that clients waited per hour of the observed time.")]
    rows: Annotated[AuditCount, Meta(description="Rows in their answers.")]
    bytes: Annotated[AuditCount, Meta(description="Bytes of the bodies of their answers.")]
    routes: Annotated[tuple[str, ...], Meta(description="Routes that send them, the most frequent first.")]
    callers: Annotated[tuple[str, ...], Meta(description="Lines of application code that send them, if known.")]


class UncheckedItem(msgspec.Struct, frozen=True):
    """What was not checked; it is never reported as clean."""

    check: Annotated[str, Meta(description="A rule, or a part of the database.")]
    object: Annotated[str, Meta(description="The only object that was not checked; empty for the whole check.")]
    because: Annotated[str, Meta(description="Why it was not checked.")]
    remedy: Annotated[str, Meta(description="What to do so that it is.")]


class TracedNumber(msgspec.Struct, frozen=True):
    """Where a number of a finding comes from."""

    number: Annotated[str, Meta(description="As the finding writes it.")]
    field: Annotated[
        str, Meta(description="Field of the finding: `title`, `problem`, `current`, `evidence`, `expected` or `risk`.")
    ]
    text: Annotated[str, Meta(description="The text that has it.")]
    source: Annotated[
        str,
        Meta(
            description="`statement.column` or `plan N` of `finding.planned` (`--explain-evidence` prints the"
            " statements), or the recorded figures that it was computed from."
        ),
    ]
    where: Annotated[str, Meta(description="The row of the statement, as a condition in SQL; may be empty.")]


class ReportedFinding(msgspec.Struct, frozen=True):
    """A finding with its occurrences."""

    key: Annotated[str, Meta(description="Stable name for `finding` of an `[[ignore]]`.")]
    times: Annotated[AuditCount, Meta(description="Number of occurrences.")]
    traces: Annotated[AuditCount, Meta(description="Number of traces; 0 for a finding about the whole workload.")]
    judged: Annotated[
        bool, Meta(description="Whether it can fail a build: it occurred in a complete trace that its client named.")
    ]
    fails: Annotated[bool, Meta(description="Whether it can fail a build and its impact is at least `fail_on`.")]
    source: Annotated[str, Meta(description="The recording of the first occurrence.")]
    trace: Annotated[str, Meta(description="The trace of the first occurrence.")]
    finding: Annotated[Finding, Meta(description="The finding: rule, problem, evidence, fix in three languages, risk.")]
    load: Annotated[
        ObservedLoad | None,
        Meta(description="The observed requests for its object; null for a finding about requests."),
    ] = None
    phase: Annotated[str, Meta(description="`analysis`, `schema` or `optimisation`.")] = ""
    numbers: Annotated[
        tuple[TracedNumber, ...], Meta(description="Sources of its numbers; empty for a finding about requests.")
    ] = ()


class MonitoringText(msgspec.Struct, frozen=True):
    """Text to paste, so that findings like these are noticed from now on."""

    title: Annotated[str, Meta(description="What it is.")]
    language: Annotated[str, Meta(description="`yaml`, `toml` or `sh`.")]
    text: Annotated[str, Meta(description="The text; comments name the findings that it would have caught.")]


class IgnoredFinding(msgspec.Struct, frozen=True):
    """A finding that an `[[ignore]]` of the settings suppresses."""

    key: Annotated[str, Meta(description="Stable name of the finding.")]
    times: Annotated[AuditCount, Meta(description="Number of occurrences.")]
    reason: Annotated[str, Meta(description="Why it is ignored.")]
    owner: Annotated[str, Meta(description="Who is responsible for it.")]
    until: Annotated[str, Meta(description="The last day of the ignore; empty without an end.")]
    finding: Annotated[Finding, Meta(description="The finding, as above.")]


class QueryUsage(msgspec.Struct, frozen=True):
    """All requests with one fingerprint. Times are those that clients waited, in milliseconds."""

    fingerprint: Annotated[str, Meta(description="The query without its values.")]
    relation: Annotated[str, Meta(description="Table, view or function.")]
    method: Annotated[str, Meta(description="HTTP method.")]
    calls: Annotated[AuditCount, Meta(description="Number of requests.")]
    error: Annotated[
        AuditCount, Meta(description="Maximum number of earlier requests not counted because of `detect.fingerprints`.")
    ]
    merged: Annotated[AuditCount, Meta(description="Requests answered by a call that they shared with others.")]
    failed: Annotated[AuditCount, Meta(description="Requests with a status of 400 or above, or without an answer.")]
    traces: Annotated[AuditCount, Meta(description="Traces that contain it.")]
    p50: Annotated[Ms, Meta(description="Median time; at most 1.41 times too high.")]
    p95: Annotated[Ms, Meta(description="95th percentile of the time; at most 1.41 times too high.")]
    total: Annotated[Ms, Meta(description="Sum of the times.")]
    share: Annotated[float, Meta(description="`total` as a share of the time of all requests, 0 to 1.")]
    rows: Annotated[AuditCount, Meta(description="Rows in all answers with a known number of rows.")]
    rows_per_call: Annotated[float, Meta(description="`rows` per request.")]
    bytes: Annotated[AuditCount, Meta(description="Bytes of the bodies of all answers.")]
    routes: Annotated[tuple[str, ...], Meta(description="Routes that send it, the most frequent first: up to 8.")]


class RouteUsage(msgspec.Struct, frozen=True):
    """All traces of one route."""

    route: Annotated[str, Meta(description="Name that clients send (`X-Fanin-Route`); empty for traces without one.")]
    traces: Annotated[AuditCount, Meta(description="Number of traces.")]
    unjudged: Annotated[AuditCount, Meta(description="Traces that cannot fail a build: inferred, mixed or truncated.")]
    p50_queries: Annotated[AuditCount, Meta(description="Median number of queries per trace.")]
    max_queries: Annotated[AuditCount, Meta(description="Maximum number of queries in one trace.")]
    queries: Annotated[AuditCount, Meta(description="Queries of all traces.")]
    upstream_calls: Annotated[
        AuditCount, Meta(description="Upstream calls that answered them; a call shared by two traces counts in each.")
    ]
    rows: Annotated[AuditCount, Meta(description="Rows in all answers with a known number of rows.")]
    bytes: Annotated[AuditCount, Meta(description="Bytes of the bodies of all answers.")]


class BypassUsage(msgspec.Struct, frozen=True):
    """A reason why requests were not merged."""

    reason: Annotated[str, Meta(description="Name of the bypass reason, for `fanin explain REASON`.")]
    queries: Annotated[AuditCount, Meta(description="Requests not merged for this reason.")]
    why: Annotated[str, Meta(description="Explanation of the reason.")]
    remedy: Annotated[str, Meta(description="What to change so that they merge.")]
    fingerprints: Annotated[tuple[str, ...], Meta(description="Their fingerprints, the most frequent first: up to 3.")]


class StatementUsage(msgspec.Struct, frozen=True):
    """A statement that the database ran, by `pg_stat_statements`. Times are those of the database, in milliseconds."""

    postgrest: Annotated[bool, Meta(description="Whether PostgREST sent it for a request.")]
    fingerprint: Annotated[str, Meta(description="The query that it belongs to; empty if that is not known.")]
    text: Annotated[str, Meta(description="Its beginning, without constants; empty with a fingerprint.")]
    roles: Annotated[tuple[str, ...], Meta(description="Roles that ran it.")]
    calls: Annotated[AuditCount, Meta(description="How often it ran.")]
    total: Annotated[Ms, Meta(description="Sum of its times.")]
    mean: Annotated[Ms, Meta(description="`total` per call.")]
    rows: Annotated[AuditCount, Meta(description="Rows that it returned or changed; PostgREST returns one.")]
    why: Annotated[str, Meta(description="Why a statement of PostgREST has no fingerprint; else empty.")]


class NoIndexReason(msgspec.Struct, frozen=True):
    """Why FAN020 proposes no index for observed queries."""

    table: Annotated[str, Meta(description="The table, with its schema.")]
    reason: Annotated[str, Meta(description="Why there is no index to create.")]
    queries: Annotated[AuditCount, Meta(description="Number of fingerprints that it is about.")]
    fingerprints: Annotated[tuple[str, ...], Meta(description="The first of them: up to 3.")]


class Report(msgspec.Struct, frozen=True):
    """The whole report."""

    format: Annotated[int, Meta(description="Format version.")] = msgspec.field(name="fanin-audit")
    fanin: Annotated[str, Meta(description="Version of the fanin that wrote the report.")]
    fail_on: Annotated[str, Meta(description="The lowest impact that fails, or `never`.")]
    failed: Annotated[bool, Meta(description="Whether a finding fails; then the exit code is 1.")]
    traffic: Annotated[TrafficSummary, Meta(description="The traffic as a whole.")]
    findings: Annotated[tuple[ReportedFinding, ...], Meta(description="All findings, the worst first.")]
    ignored: Annotated[tuple[IgnoredFinding, ...], Meta(description="Ignored findings, the worst first.")]
    queries: Annotated[tuple[QueryUsage, ...], Meta(description="Fingerprints by total time: the first `--top`.")]
    routes: Annotated[tuple[RouteUsage, ...], Meta(description="Routes by queries per trace: the first `--top`.")]
    more_queries: Annotated[AuditCount, Meta(description="Number of fingerprints that are not listed.")]
    more_routes: Annotated[AuditCount, Meta(description="Number of routes that are not listed.")]
    bypassed: Annotated[
        tuple[BypassUsage, ...], Meta(description="Why requests were not merged, the most frequent reason first.")
    ]
    warnings: Annotated[tuple[str, ...], Meta(description="Limits of the report.")]
    database: Annotated[str, Meta(description="Name of the database that was read; empty without one.")] = ""
    schemas: Annotated[tuple[str, ...], Meta(description="The schemas of it that PostgREST serves.")] = ()
    not_checked: Annotated[
        tuple[UncheckedItem, ...], Meta(description="What was not checked, and why: it may have problems.")
    ] = ()
    full_coverage: Annotated[
        bool, Meta(description="Whether the report fails if anything was not checked (`--require-full-coverage`).")
    ] = False
    checked: Annotated[
        tuple[str, ...],
        Meta(description="Rules over the database that looked at all that `not_checked` does not name."),
    ] = ()
    monitoring: Annotated[
        tuple[MonitoringText, ...],
        Meta(description="The fourth phase: alert rules, budgets and a command that would have caught each finding."),
    ] = ()
    hints: Annotated[
        tuple[str, ...], Meta(description="Advice of impact LOW that is about no finding, a line each.")
    ] = ()
    statements: Annotated[
        tuple[StatementUsage, ...],
        Meta(description="What the database ran (`--statements`): the first `--top` of PostgREST, and of others."),
    ] = ()
    no_index: Annotated[
        tuple[NoIndexReason, ...], Meta(description="Why there is no index to create for observed queries.")
    ] = ()
