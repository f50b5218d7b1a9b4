"""FAN004 n-plus-one-write: one write per row, where one write for all rows is enough.

What it does
------------
Finds, within one trace, at least ``rules.n_plus_one_write.min_calls`` PATCHes or DELETEs that differ only in the value
of one ``eq`` filter, with at least ``rules.n_plus_one_write.min_distinct`` different values, or the same number of
POSTs to one relation. The writes are made in parallel, or one after another, most of them with no more than
``rules.n_plus_one_write.max_pause`` seconds between them. A POST whose answer has several rows is already a bulk write.
So is a POST with ``columns``, which clients send for arrays, unless its answer has one row. fanin does not read bodies,
so the number of rows of a POST can be wrong. Client retries and rejected writes do not count.

Why it hurts
------------
Every write is a separate transaction: a connection, a commit that waits for the disk, locks, triggers. If one of them
fails, the earlier rows stay written and the later rows are missing, and nothing corrects that.

Example
-------
::

    PATCH /videos?id=eq.1
    then PATCH /videos?id=eq.2
    then PATCH /videos?id=eq.3
    then PATCH /videos?id=eq.4
    then PATCH /videos?id=eq.5

Use instead
-----------
::

    PATCH /videos?id=in.(1,2,3,4,5)

if all rows get the same values, or one such call for each group of rows with the same values.

Safety
------
Unsafe: the default level is ``report``, with which fanin forwards each write separately, in order, and never sends one
twice. At level ``rewrite``, best set for single relations, fanin sends concurrent PATCHes or DELETEs of one caller as
one call, if they differ only in an ``eq`` filter on a unique integer or uuid column that no body sets. Every caller is
told what happened to its own row, or that it is not known; nothing is written twice. The rows are then written in one
transaction: triggers per row run as before, ``now()`` is the same for all, and locks are held together. With ``db_uri``
only; tables with triggers per statement are left out.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.fingerprint import ParsedFingerprint, parse_fingerprint
from proxy.analysis.patterns.fan_out import (
    LoopThresholds,
    call_impact,
    in_parallel,
    looped_fan_out,
)
from proxy.analysis.patterns.pauses import BusyTime, runs_without_pauses
from proxy.analysis.patterns.varying import SimilarCalls, key_evidence, key_text, similar_calls, variation_evidence
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import (
    by_query,
    caller_of,
    elapsed_seconds,
    is_query,
    succeeded,
)
from proxy.analysis.steps import Steps
from proxy.findings.model import Finding
from proxy.fixes.writes.write_code import VERBS, is_upsert, write_name
from proxy.fixes.writes.write_fix import write_fix
from proxy.model import Span, Trace
from proxy.settings_base import Count, Positive


class NPlusOneWrite(LoopThresholds):
    table = "n_plus_one_write"

    min_calls: Count = Field(
        5, description="FAN004: minimum writes of one row in one trace. Fewer are often separate events."
    )
    min_distinct: Count = Field(5, description="FAN004: minimum different keys among them, if they have keys.")
    max_pause: Positive = Field(
        0.08,
        description="FAN004: longer pauses between two writes end their loop if they are more than half of its pauses, "
        "or ten times as long: separate events cause them, and a busy machine some in any loop.",
    )


@InSteps
def detect(trace: Trace, context: RuleContext[NPlusOneWrite]) -> Iterator[Finding | None]:
    """One finding per fingerprint that writes row by row in ``trace``."""
    if trace.mixed:
        return
    load = BusyTime(trace.spans)
    for spans in by_query([span for span in trace.spans if span.method in VERBS and _is_write(span)]).values():
        yield None
        if len(spans) < context.thresholds.min_calls:
            continue
        parsed = parse_fingerprint(spans[0].fingerprint)
        if parsed.method == "POST":
            inserts = yield from _inserts(parsed, spans, context.thresholds, load)
            if inserts:
                calls = yield from similar_calls(parsed, inserts)
                yield _finding(trace, calls, inserts, context)
        else:
            found = yield from looped_fan_out(parsed, spans, context.thresholds, load)
            if found is not None:
                calls = yield from similar_calls(parsed, found.spans, found.key)
                yield _finding(trace, calls, found.spans, context)


RULE = Rule(
    code="FAN004",
    name="n-plus-one-write",
    safety="unsafe",
    document=__doc__,
    thresholds=NPlusOneWrite,
    can_rewrite=True,
    detect=detect,
)


def _is_write(span: Span) -> bool:
    return is_query(span) and succeeded(span)


def _inserts(
    parsed: ParsedFingerprint, spans: Sequence[Span], bounds: NPlusOneWrite, load: BusyTime
) -> Steps[list[Span]]:
    """Inserts made one after another, of one row each as far as headers and answers show."""
    array = any(param.startswith("columns=") for param in parsed.rest)
    single = [
        span for span in spans if (span.row_keys or not array) and all(len(keys) == 1 for _, keys in span.row_keys)
    ]
    yield
    runs = list(runs_without_pauses(single, bounds.max_pause, load))
    yield
    return [span for run in runs if len(run) >= bounds.min_calls for span in run]


def _finding(trace: Trace, calls: SimilarCalls, spans: Sequence[Span], context: RuleContext[NPlusOneWrite]) -> Finding:
    parsed, fix = calls.parsed, write_fix(calls, context.facts)
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans)),
        confidence=_confidence(trace, spans, bool(calls.keys)),
        title=_title(calls, len(spans)),
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application writes {parsed.name} row by row: the number of transactions grows with the number"
        " of rows, and after an error only the rows before it are written.",
        current=f"{len(spans)} requests, {len(spans)} transactions in {1000 * elapsed_seconds(spans):.0f} ms",
        evidence=tuple(_evidence(calls, spans)),
        fix=fix,
        expected=_expected(calls, len(spans)) if fix.supabase_js else "One transaction, if one can be written by hand.",
        risk=f"Either all rows are written, or none. {_risk(calls)}",
    )


def _expected(calls: SimilarCalls, requests: int) -> str:
    name = write_name(calls.parsed, [key.column for key in calls.keys], calls.preferences)
    values = "" if calls.parsed.method == "DELETE" else " if all rows get the same values"
    return f"{name}(…) once: {requests} requests become 1{values if calls.keys else ''}."


def _title(calls: SimilarCalls, requests: int) -> str:
    parsed = calls.parsed
    if calls.keys:
        what = "updates" if parsed.method == "PATCH" else "deletions"
        return f"{requests} {what} of {parsed.name}, one for each {key_text(calls)}"
    what = "upserts" if is_upsert(parsed, calls.preferences) else "inserts"
    return f"{requests} {what} into {parsed.name}, one row each"


def _confidence(trace: Trace, spans: Sequence[Span], keyed: bool) -> str:
    """High if the number of rows is certain; that of a POST is certain only if its answer has the rows."""
    if not trace.explicit:
        return "low"
    return "high" if keyed or all(span.row_keys for span in spans) else "medium"


def _evidence(calls: SimilarCalls, spans: Sequence[Span]) -> Iterator[str]:
    if calls.keys:
        yield key_evidence(calls, spans)
    elif all(span.row_keys for span in spans):
        yield f"{len(spans)} requests, whose answers have one row each"
    else:
        yield f"{len(spans)} requests to one relation without ?columns=, which clients send for several rows"
    yield "sent in parallel" if in_parallel(spans) else "sent one after another"
    yield "bodies are not read: fanin does not know whether all rows get the same values"
    yield variation_evidence(calls)


def _risk(calls: SimilarCalls) -> str:
    parsed = calls.parsed
    if parsed.method == "DELETE":
        return "The keys are sent in several calls if they are many: then each call is a transaction."
    if parsed.method == "PATCH":
        return (
            "fanin does not see the values: call the function once for each group of rows that get the same ones. An"
            " upsert is no update: it inserts the rows that are missing, and needs every NOT NULL column."
        )
    if is_upsert(parsed, calls.preferences):
        return "Two rows with the same key in one call are an error (21000): leave out all but the last."
    return "A column that only some rows name gets its default in the others, as in calls of their own."
