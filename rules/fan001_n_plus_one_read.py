"""FAN001 n-plus-one-read: one request per key, where one request for all keys is enough.

What it does
------------
Finds, within one trace, at least ``rules.n_plus_one.min_calls`` reads, or counts by HEAD, that differ only in one value
that looks rows up: that of an ``eq`` filter, or else one of a logic tree, a filter on an embed or a pattern; with at
least ``rules.n_plus_one.min_distinct`` different values, if at least half of the reads were in flight together with
the one before or after them. FAN002 finds those made one after another. Client retries, pages of a list, repeated reads
of one row and refused reads (4xx) do not count, and reads of several callers are several fan-outs, but for a header of
which FAN017 knows that it is new in each call. Traces that may mix several requests of the application are not
analysed. With ``db_uri`` or ``detect.openapi``, a loop over rows that an earlier read returned has an embed as its fix,
if a foreign key joins them.

Why it hurts
------------
Every read has the full cost of a request: a client connection, a transaction in PostgREST with its role and settings,
a parse and a plan in Postgres. A hundred keys have this cost a hundred times and fill the connection pool that all
clients share. The number of reads grows with the data: code that is fast in development is slow in production.

Example
-------
::

    GET /creator_payout_profiles?select=*&creator_id=eq.1
    GET /creator_payout_profiles?select=*&creator_id=eq.2
    GET /creator_payout_profiles?select=*&creator_id=eq.3
    GET /creator_payout_profiles?select=*&creator_id=eq.4
    GET /creator_payout_profiles?select=*&creator_id=eq.5

Use instead
-----------
::

    GET /creator_payout_profiles?select=*&creator_id=in.(1,2,3,4,5)

Safety
------
Safe: fanin merges calls that are in flight together, and each caller gets the same answer as from a call of its own.
If that is not certain, fanin sends the original calls.
"""

from collections.abc import Iterator, Sequence

import msgspec
from pydantic import Field

from proxy.analysis.answer_shape import wants_object
from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.patterns.fan_out import (
    FanOut,
    LoopThresholds,
    call_impact,
    fan_outs,
    parallel_fan_out,
)
from proxy.analysis.patterns.varying import (
    Parent,
    SimilarCalls,
    different_keys,
    has_many_rows_per_key,
    key_evidence,
    key_text,
    parent_of,
    similar_calls,
    variation_evidence,
    with_arrays,
)
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import caller_of, count_calls, elapsed_seconds, rows_text
from proxy.analysis.steps import Steps
from proxy.analysis.values.joins import Join, counted_in, join_of
from proxy.findings.model import Finding
from proxy.fixes.loops.embed_code import embed_risk, loop_expectation, loop_fix, ways
from proxy.model import Span, Trace
from proxy.settings_base import Count, Positive
from proxy.text.counted import counted


class NPlusOne(LoopThresholds):
    table = "n_plus_one"

    min_calls: Count = Field(
        5,
        description="FAN001, FAN002, FAN018: minimum similar calls in one trace. Fewer are often fields of one form.",
    )
    min_distinct: Count = Field(
        5, description="FAN001, FAN002: minimum different keys among them. FAN003 finds repeated reads of one row."
    )
    max_pause: Positive = Field(
        0.08,
        description="FAN002, FAN018: longer pauses between similar calls end their loop if they are more than half of "
        "its pauses, or ten times as long: a person or a timer causes them, and a batch read would not remove them. A "
        "busy machine causes some in any loop.",
    )


READ_RISK = (
    "The rows of all keys are read at one moment, or in chunks at several. A key without rows is not in the result."
    " If the rows spell a key otherwise, but for its case, each key of its chunk is read by a call of its own."
)


COUNT_RISK = "The rows of all keys are counted at one moment, or in chunks at several."


@InSteps
def detect(trace: Trace, context: RuleContext[NPlusOne]) -> Iterator[Finding | None]:
    """One finding per fingerprint that fans out in ``trace``."""
    for one in fan_outs(trace, parallel_fan_out, context.thresholds):
        if one is None:
            yield None
            continue
        parsed, found = one
        loop = yield from loop_of_reads(trace, parsed, found, context)
        yield _finding(trace, loop)


RULE = Rule(
    code="FAN001",
    name="n-plus-one-read",
    safety="safe",
    document=__doc__,
    thresholds=NPlusOne,
    default_level="rewrite",
    can_rewrite=True,
    detect=detect,
)


class LoopOfReads(msgspec.Struct, frozen=True):
    """The reads of a loop, what they have in common, and the relation that their keys came from, if it is known."""

    calls: SimilarCalls
    spans: Sequence[Span]
    parent: Parent | None
    """For counts, by the names of relations and keys."""
    join: Join | None
    """By a foreign key of the database."""
    many: bool
    """Whether a key may have several rows."""


def loop_of_reads(
    trace: Trace, parsed: ParsedFingerprint, found: FanOut, context: RuleContext[NPlusOne]
) -> Steps[LoopOfReads]:
    """What the reads of ``found`` have in common, and where their keys came from."""
    calls = yield from similar_calls(parsed, found.spans, found.key)
    calls = with_arrays(calls, context.facts)
    yield
    join = join_of(context.facts, trace.spans, found.spans, calls)
    parent = None
    if not context.facts.relations:
        parent = yield from parent_of(trace.spans, found.spans, found.key)
    elif join is None and parsed.method == "HEAD":
        parent = counted_in(context.facts, calls)
    return LoopOfReads(calls, found.spans, parent, join, has_many_rows_per_key(calls, context.facts))


def read_risk(loop: LoopOfReads) -> str:
    """What code that reads all keys at once changes."""
    if loop.calls.parsed.method == "HEAD":
        return COUNT_RISK + embed_risk(loop.calls, loop.join, loop.parent)
    return READ_RISK + _rows_risk(loop) + embed_risk(loop.calls, loop.join, loop.parent)


def _rows_risk(loop: LoopOfReads) -> str:
    """Whether a key has a row or an array, where each call got at most one row and did not ask for one."""
    calls = loop.calls
    if calls.rows > 1 or calls.limit == 1 or wants_object(calls.parsed):
        return ""
    if not loop.many:
        return " A key has a row, not an array, since each call got at most one; several rows of a key are an error."
    return " A key has an array of rows: take the first one where the call has .maybeSingle(), which no request shows."


def _alone(spans: Sequence[Span]) -> Iterator[str]:
    """Why fanin merged none of them, if a header is the reason."""
    headers = next((span.differing_headers for span in spans if span.differing_headers), "")
    if headers:
        yield f"each has another {headers.replace(',', ', ')}, so that fanin sent it alone: see FAN017"


def _finding(trace: Trace, loop: LoopOfReads) -> Finding:
    calls, spans = loop.calls, loop.spans
    parsed, upstream = calls.parsed, count_calls(spans)
    fix = loop_fix(calls, loop.many, loop.parent, loop.join)
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans)),
        confidence="high" if trace.explicit else "medium",
        title=f"{len(spans)} reads of {parsed.name}, one for each {key_text(calls)}",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for {parsed.name} once per {key_text(calls)}: the number of queries grows with"
        " the number of rows.",
        current=f"{len(spans)} requests, {counted(upstream, 'upstream call')}, {rows_text(spans)} in"
        f" {1000 * elapsed_seconds(spans):.0f} ms",
        evidence=(
            key_evidence(calls, spans),
            f"sent in parallel; fanin answered them with {counted(upstream, 'upstream call')}",
            *_alone(spans),
            variation_evidence(calls),
            *ways(calls, loop.join, different_keys(calls, spans), rows_text(spans)),
        ),
        fix=fix,
        expected=loop_expectation(calls, loop.join, fix, len(spans), different_keys(calls, spans)),
        risk=read_risk(loop),
    )
