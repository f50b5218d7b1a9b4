"""FAN002 sequential-n-plus-one: one request per key, each sent after the answer to the previous one.

What it does
------------
Finds, within one trace, the same similar reads as FAN001 (``rules.n_plus_one.min_calls``, ``.min_distinct``) if they
were made one after another: a loop that awaits each call. How most of its calls were made decides whether a fan-out is
FAN001 or FAN002. They have one caller; a request id or an idempotency key may be new in each. If traces keep the keys
of answers (``detect.row_keys``), the finding names the earlier answer that the values came from, with high
confidence. These do not count: client retries, pages of a list, polling, and a walk from row to row, in which each
key comes from the previous answer. Nor do calls most of which follow a pause of more than
``rules.n_plus_one.max_pause`` seconds without any request: a person who types or moves over a list, or other work of
the application. A loop with so much other work in each step is found only if traces keep the keys of answers, and
most of its keys follow each other in one of them.

Why it hurts
------------
The times add up: with a hundred keys at 10 ms each, a user waits one second, and every millisecond of network latency
between the application and the database counts a hundred times. No proxy can merge such calls, because the application
sends the next one only after the answer to the previous one.

Example
-------
::

    GET /monthly_tracking?select=*&month=eq.2025-06 → 5 rows, ids 21;22;23;24;25
    then GET /videos?select=*&monthly_tracking_id=eq.21
    then GET /videos?select=*&monthly_tracking_id=eq.22
    then GET /videos?select=*&monthly_tracking_id=eq.23
    then GET /videos?select=*&monthly_tracking_id=eq.24
    then GET /videos?select=*&monthly_tracking_id=eq.25

Use instead
-----------
::

    GET /monthly_tracking?select=*&month=eq.2025-06 → 5 rows, ids 21;22;23;24;25
    then GET /videos?select=*&monthly_tracking_id=in.(21,22,23,24,25)

Safety
------
Unsafe: ``rules.fan002 = "rewrite"`` fetches the reads of the next iterations ahead, in traces that the client names. A
read may then be as old as the fetch that brought it, never older than ``prefetch.max_age`` (2 s), and never older than
the last write that its trace, or anybody through this fanin, made to what it reads. At level ``report`` the finding
says what that would have saved and wasted. Better use the batch method. If the code has to keep one call per key,
``Promise.all`` over the calls lets FAN001 merge them.
"""

from collections.abc import Iterator, Sequence

from proxy.analysis.estimates.prefetch import estimate_prefetch, was_prefetched
from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.patterns.fan_out import (
    FanOut,
    call_impact,
    fan_outs,
    sequential_fan_out,
    sequential_or_slow_fan_out,
)
from proxy.analysis.patterns.listed_order import follow_an_answer
from proxy.analysis.patterns.varying import (
    SimilarCalls,
    different_keys,
    key_evidence,
    key_text,
    variation_evidence,
)
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import caller_of, count_calls, rows_text, steady_seconds, total_seconds
from proxy.analysis.steps import Steps
from proxy.analysis.values.origin import Origin, answers_with_keys, count_known_earlier, origins
from proxy.findings.model import Finding
from proxy.fixes.loops.embed_code import loop_expectation, loop_fix, ways
from proxy.model import Outcome, Span, Trace
from proxy.text.counted import counted
from rules.fan001_n_plus_one_read import LoopOfReads, NPlusOne, loop_of_reads, read_risk


@InSteps
def detect(trace: Trace, context: RuleContext[NPlusOne]) -> Iterator[Finding | None]:
    """One finding per fingerprint that is read in a loop in ``trace``."""
    for one in _loops(trace, context.thresholds):
        if one is None:
            yield None
            continue
        parsed, found, came_from = one
        loop = yield from loop_of_reads(trace, parsed, found, context)
        ahead = yield from _ahead(trace, found, came_from)
        yield _finding(trace, loop, came_from, ahead)


RULE = Rule(
    code="FAN002",
    name="sequential-n-plus-one",
    safety="unsafe",
    document=__doc__,
    thresholds=NPlusOne,
    can_rewrite=True,
    detect=detect,
)


def _loops(trace: Trace, bounds: NPlusOne) -> Iterator[tuple[ParsedFingerprint, FanOut, list[Origin]] | None]:
    """The loops, and where the values of each came from."""
    answers = answers_with_keys(trace.spans)
    for one in fan_outs(trace, sequential_or_slow_fan_out if answers else sequential_fan_out, bounds):
        if one is None:
            yield None
            continue
        parsed, found = one
        came_from = yield from origins(answers, found.spans, found.key)
        is_walk = yield from _is_walk(found, came_from, bounds.min_distinct)
        is_loop = not found.is_slow or (yield from follow_an_answer(found, came_from, answers))
        if is_loop and not is_walk:
            yield parsed, found, came_from


def _is_walk(found: FanOut, came_from: Sequence[Origin], least: int) -> Steps[bool]:
    """Whether the keys came from previous answers of the loop, and fewer than ``least`` were known before it."""
    if not came_from or any(origin.fingerprint != found.spans[0].fingerprint for origin in came_from):
        return False
    known = yield from count_known_earlier(found.spans, found.key)
    return known < least


def _ahead(trace: Trace, found: FanOut, came_from: Sequence[Origin]) -> Steps[str]:
    """What level rewrite did, or would have done."""
    spans = found.spans
    reason = next((span.bypass_reason for span in spans if span.bypass_reason not in (None, "mode")), None)
    if was_prefetched(spans):
        served = sum(span.outcome is Outcome.PREFETCHED for span in spans)
        return f"{served} of {len(spans)} were answered from rows fetched ahead (rules.fan002 = 'rewrite')"
    if not trace.explicit:
        return "rules.fan002 = 'rewrite' would not help: the client does not name this trace"
    if len({span.exact_identity for span in spans}) > 1:
        return (
            "rules.fan002 = 'rewrite' would not help: a header that only names the call, such as a request id, is new"
            " in these reads. If no SQL reads it, name it in identity.also_neutral"
        )
    if found.plain_key is None or reason is not None:
        return f"rules.fan002 = 'rewrite' would not help: these reads are not merged ({reason or 'no-key'})"
    known = came_from[0] if came_from else None
    estimate = yield from estimate_prefetch(trace.spans, spans, found.key.index, known)
    wasted = "" if estimate.wasted < 0 else f"; it would have fetched {counted(estimate.wasted, 'key')} in vain"
    supposed = "" if estimate.wasted >= 0 else ", if they stand in this order in an earlier answer"
    return (
        f"rules.fan002 = 'rewrite' would have answered {estimate.served} of {estimate.reads} from rows fetched ahead:"
        f" {counted(estimate.calls, 'call')}, {1000 * estimate.seconds:.0f} ms less waiting{wasted}{supposed}"
    )


def _finding(trace: Trace, loop: LoopOfReads, came_from: Sequence[Origin], ahead: str) -> Finding:
    spans, calls, parsed = loop.spans, loop.calls, loop.calls.parsed
    fix = loop_fix(calls, loop.many, loop.parent, loop.join)
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans), steady_seconds(spans)),
        confidence=_confidence(trace, came_from),
        title=f"{len(spans)} reads of {parsed.name} one after another, one for each {key_text(calls)}",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for {parsed.name} once per {key_text(calls)}, and waits for each answer before"
        " it sends the next request: the time grows with the number of rows.",
        current=f"{len(spans)} requests, {counted(count_calls(spans), 'upstream call')},"
        f" {rows_text(spans)}; {1000 * total_seconds(spans):.0f} ms of waiting, one after another",
        evidence=(
            *_evidence(calls, spans, came_from),
            ahead,
            *ways(calls, loop.join, different_keys(calls, spans), rows_text(spans)),
        ),
        fix=fix,
        expected=loop_expectation(calls, loop.join, fix, len(spans), different_keys(calls, spans))
        + " Their times no longer add up.",
        risk="If a step of the loop writes rows that a later step reads, the batch read returns the rows from before"
        f" that write; take the new rows from the answer to the write. {read_risk(loop)}",
        queries=tuple({spans[0].fingerprint: None, **{origin.fingerprint: None for origin in came_from[:1]}}),
    )


def _confidence(trace: Trace, came_from: Sequence[Origin]) -> str:
    if came_from:
        return "high"
    return "medium" if trace.explicit else "low"


def _evidence(calls: SimilarCalls, spans: Sequence[Span], came_from: Sequence[Origin]) -> Iterator[str]:
    yield key_evidence(calls, spans)
    yield "sent one after another, each after the answer to the previous one"
    for origin in came_from[:1]:
        yield f"{origin.matches} of the values came from an earlier answer: {origin.column} of {origin.relation}"
    yield variation_evidence(calls)
