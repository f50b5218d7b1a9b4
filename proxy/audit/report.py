"""What stands in a report, field by field: its reference page is made from this, and each format tells all of it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from proxy.findings.model import Finding

FORMAT = 1
"""Raised when a reader of the older one would read the newer one wrongly."""

AuditCount = Annotated[int, Meta(ge=0)]
Ms = Annotated[float, Meta(ge=0)]


class TrafficSummary(msgspec.Struct, frozen=True):
    """What was read."""

    sources: Annotated[tuple[str, ...], Meta(description="The recordings, or the admin port's URL.")]
    begin: Annotated[float | None, Meta(description="When the first request came: seconds since 1970; null: none did.")]
    end: Annotated[float | None, Meta(description="When the last answer ended.")]
    traces: Annotated[AuditCount, Meta(description="Application requests, page loads, jobs. Parts of one are one.")]
    explicit: Annotated[AuditCount, Meta(description="Those that their client named.")]
    inferred: Annotated[AuditCount, Meta(description="Those put together by caller and timing.")]
    mixed: Annotated[
        AuditCount, Meta(description="Those of the same kind that overlapped others: counted, not judged.")
    ]
    truncated: Annotated[AuditCount, Meta(description="Those of all three kinds that had more requests than are kept.")]
    queries: Annotated[AuditCount, Meta(description="Requests to PostgREST, those repeated by a client left out.")]
    repeated: Annotated[AuditCount, Meta(description="Requests that a client says it asks again (`X-Retry-Count`).")]
    kinds: Annotated[AuditCount, Meta(description="Different fingerprints among the requests.")]
    merged: Annotated[AuditCount, Meta(description="Requests that got their answer out of a call with others.")]
    merged_share: Annotated[float, Meta(description="The same as a share of all requests, 0 to 1.")]
    alone: Annotated[AuditCount, Meta(description="Requests that could have been merged, but found no company.")]
    upstream_calls: Annotated[AuditCount, Meta(description="Calls that answered the requests, each counted once.")]
    saved_calls: Annotated[
        int, Meta(description="Answered requests less these calls; negative where long lists were cut into parts.")
    ]
    failed: Annotated[AuditCount, Meta(description="Requests answered 400 or above, or not at all.")]
    rows: Annotated[AuditCount, Meta(description="Rows in all answers, as far as they are known.")]
    bytes: Annotated[AuditCount, Meta(description="Bytes of all answers' bodies.")]
    nameless: Annotated[
        AuditCount, Meta(description="Requests whose names PostgREST has not taken: no query of these is shown.")
    ]


class ReportedFinding(msgspec.Struct, frozen=True):
    """A finding, and where it was made."""

    key: Annotated[str, Meta(description="Stable name to mute it by: `finding` of an `[[ignore]]`.")]
    times: Annotated[AuditCount, Meta(description="How often it was made.")]
    traces: Annotated[AuditCount, Meta(description="In how many traces; 0 for one of the workload as a whole.")]
    judged: Annotated[
        bool, Meta(description="Whether a trace of it is whole and named by its client; no other can fail a build.")
    ]
    fails: Annotated[bool, Meta(description="Whether it is as bad as `fail_on`, and judged.")]
    source: Annotated[str, Meta(description="The recording that it was first made in.")]
    trace: Annotated[str, Meta(description="The first trace.")]
    finding: Annotated[
        Finding, Meta(description="What rule, what is wrong, the evidence, the fix in three languages, the risk.")
    ]


class IgnoredFinding(msgspec.Struct, frozen=True):
    """A finding that the settings say to ignore."""

    key: Annotated[str, Meta(description="Stable name of the finding.")]
    times: Annotated[AuditCount, Meta(description="How often it was made.")]
    reason: Annotated[str, Meta(description="Why it is ignored.")]
    owner: Annotated[str, Meta(description="Whose it is.")]
    until: Annotated[str, Meta(description="The last day that it is ignored; empty: for ever.")]
    finding: Annotated[Finding, Meta(description="As above.")]


class QueryUsage(msgspec.Struct, frozen=True):
    """A kind of query, with all requests of it. Times are what clients waited, in milliseconds."""

    fingerprint: Annotated[str, Meta(description="The query without its values.")]
    relation: Annotated[str, Meta(description="Table, view or function.")]
    method: Annotated[str, Meta(description="Its method.")]
    calls: Annotated[AuditCount, Meta(description="Requests of this kind.")]
    error: Annotated[
        AuditCount,
        Meta(description="How many before these may be missing, where `detect.fingerprints` were too few."),
    ]
    merged: Annotated[AuditCount, Meta(description="Those that got their answer out of a call with others.")]
    failed: Annotated[AuditCount, Meta(description="Those answered 400 or above, or not at all.")]
    traces: Annotated[AuditCount, Meta(description="Traces that asked it.")]
    p50: Annotated[Ms, Meta(description="Half of them took no longer; at most 1.41 times too much.")]
    p95: Annotated[Ms, Meta(description="The same for 95 of 100.")]
    total: Annotated[Ms, Meta(description="All of them together.")]
    share: Annotated[float, Meta(description="The same as a share of the time of all requests, 0 to 1.")]
    rows: Annotated[AuditCount, Meta(description="Rows in all answers, as far as they are known.")]
    rows_per_call: Annotated[float, Meta(description="The same, by request.")]
    bytes: Annotated[AuditCount, Meta(description="Bytes of all answers' bodies.")]
    routes: Annotated[tuple[str, ...], Meta(description="Routes that asked it, the most frequent first: up to 8.")]


class RouteUsage(msgspec.Struct, frozen=True):
    """A route: what one trace of it asks."""

    route: Annotated[str, Meta(description="What clients call it; empty for traces without one.")]
    traces: Annotated[AuditCount, Meta(description="Its traces.")]
    unjudged: Annotated[AuditCount, Meta(description="Those not named by their client, or not whole.")]
    p50_queries: Annotated[AuditCount, Meta(description="Half of its traces have no more queries.")]
    max_queries: Annotated[AuditCount, Meta(description="The most that one of them has.")]
    queries: Annotated[AuditCount, Meta(description="The queries of all of them.")]
    upstream_calls: Annotated[
        AuditCount, Meta(description="Calls that answered them; one shared by two traces counts in each.")
    ]
    rows: Annotated[AuditCount, Meta(description="Rows in all answers, as far as they are known.")]
    bytes: Annotated[AuditCount, Meta(description="Bytes of all answers' bodies.")]


class BypassUsage(msgspec.Struct, frozen=True):
    """A reason why requests were not merged."""

    reason: Annotated[str, Meta(description="Its name: `fanin explain REASON`.")]
    queries: Annotated[AuditCount, Meta(description="Requests that it kept from being merged.")]
    why: Annotated[str, Meta(description="What it means.")]
    remedy: Annotated[str, Meta(description="What to change so that they merge.")]
    fingerprints: Annotated[tuple[str, ...], Meta(description="What they asked, the most frequent first: up to 3.")]


class Report(msgspec.Struct, frozen=True):
    """All of it."""

    format: Annotated[int, Meta(description="The format's version.")] = msgspec.field(name="fanin-audit")
    fanin: Annotated[str, Meta(description="Version of the fanin that wrote it.")]
    fail_on: Annotated[str, Meta(description="The impact from which on a finding fails, or `never`.")]
    failed: Annotated[bool, Meta(description="Whether one does: the exit code is 1.")]
    traffic: Annotated[TrafficSummary, Meta(description="What was read.")]
    findings: Annotated[tuple[ReportedFinding, ...], Meta(description="What was found, the worst first.")]
    ignored: Annotated[tuple[IgnoredFinding, ...], Meta(description="What was found and is ignored, the worst first.")]
    queries: Annotated[tuple[QueryUsage, ...], Meta(description="Kinds of queries by their time: the first `--top`.")]
    routes: Annotated[tuple[RouteUsage, ...], Meta(description="Routes by queries of a trace: the first `--top`.")]
    more_queries: Annotated[AuditCount, Meta(description="Kinds of queries beyond these.")]
    more_routes: Annotated[AuditCount, Meta(description="Routes beyond these.")]
    bypassed: Annotated[
        tuple[BypassUsage, ...], Meta(description="Why requests were not merged, the most frequent first.")
    ]
    warnings: Annotated[tuple[str, ...], Meta(description="What to know of all this.")]
