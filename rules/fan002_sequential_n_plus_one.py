"""FAN002 sequential-n-plus-one: one request per key, each sent after the answer to the previous one.

What it does
------------
Finds, within one trace, the same similar reads as FAN001 (``rules.n_plus_one.min_calls``, ``.min_distinct``) if they
were made one after another: a loop that awaits each call. How most of its calls were made decides whether a fan-out is
FAN001 or FAN002. If traces keep the keys of answers (``detect.row_keys``), the finding names the earlier answer that
the values came from, with high confidence. These do not count: client retries, pages of a list, polling, calls with
more than ``rules.n_plus_one.max_pause`` seconds between them, and a walk from row to row, in which each key comes from
the previous answer. A person who types or moves over a list can cause reads with shorter pauses; fanin cannot
distinguish them from a loop.

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
Unsafe: a proxy could only prefetch the other keys, and would then answer later reads with rows of an earlier moment.
fanin does not do that; it only reports. Use the batch method. If the code has to keep one call per key, ``Promise.all``
over the calls lets FAN001 merge them.
"""

from collections.abc import Iterator, Sequence

from proxy.analysis.fan_out import (
    FanOut,
    call_impact,
    fan_outs,
    has_many_rows_per_key,
    sequential_fan_out,
)
from proxy.analysis.origin import Origin, answers_with_keys, count_known_earlier, origins
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import caller_of, count_calls, rows_text, total_seconds
from proxy.analysis.steps import Steps
from proxy.analysis.varying import (
    SimilarCalls,
    different_keys,
    key_evidence,
    key_text,
    variation_evidence,
)
from proxy.analysis.volume import plural
from proxy.findings.model import Finding
from proxy.fixes.batch_code import batch_expectation
from proxy.fixes.embed_code import embed_risk, loop_fix, ways
from proxy.model import Span, Trace
from rules.fan001_n_plus_one_read import READ_RISK, LoopOfReads, NPlusOne, loop_of_reads


@InSteps
def detect(trace: Trace, context: RuleContext[NPlusOne]) -> Iterator[Finding | None]:
    """One finding per fingerprint that is read in a loop in ``trace``."""
    answers = answers_with_keys(trace.spans)
    for one in fan_outs(trace, sequential_fan_out, context.thresholds):
        if one is None:
            yield None
            continue
        parsed, found = one
        came_from = yield from origins(answers, found.spans, found.key)
        is_walk = yield from _is_walk(found, came_from, context.thresholds.min_distinct)
        if not is_walk:
            loop = yield from loop_of_reads(trace, parsed, found, context)
            yield _finding(trace, loop, came_from)


RULE = Rule(
    code="FAN002",
    name="sequential-n-plus-one",
    safety="unsafe",
    document=__doc__,
    thresholds=NPlusOne,
    detect=detect,
)


def _is_walk(found: FanOut, came_from: Sequence[Origin], least: int) -> Steps[bool]:
    """Whether the keys came from previous answers of the loop, and fewer than ``least`` were known before it."""
    if not came_from or any(origin.fingerprint != found.spans[0].fingerprint for origin in came_from):
        return False
    known = yield from count_known_earlier(found.spans, found.key)
    return known < least


def _finding(trace: Trace, loop: LoopOfReads, came_from: Sequence[Origin]) -> Finding:
    spans, calls, parsed = loop.spans, loop.calls, loop.calls.parsed
    fix = loop_fix(calls, has_many_rows_per_key(parsed, spans), loop.parent, loop.join)
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans), total_seconds(spans)),
        confidence=_confidence(trace, came_from),
        title=f"{len(spans)} reads of {parsed.name} one after another, one for each {key_text(calls)}",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for {parsed.name} once per {key_text(calls)}, and waits for each answer before"
        " it sends the next request: the time grows with the number of rows.",
        current=f"{len(spans)} requests, {plural(count_calls(spans), 'upstream call')},"
        f" {rows_text(spans)}; {1000 * total_seconds(spans):.0f} ms of waiting, one after another",
        evidence=(*_evidence(calls, spans, came_from), *ways(calls, loop.join)),
        fix=fix,
        expected=batch_expectation(calls, fix, len(spans), different_keys(calls, spans))
        + " Their times no longer add up.",
        risk="If a step of the loop writes rows that a later step reads, the batch read returns the rows from before"
        f" that write; take the new rows from the answer to the write. {READ_RISK}"
        + embed_risk(calls, loop.join, loop.parent),
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
