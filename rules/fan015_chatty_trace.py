"""FAN015 chatty-trace: one page or job makes many different requests.

What it does
------------
Finds traces with at least ``rules.chatty_trace.min_queries`` requests of at least ``rules.chatty_trace.min_kinds``
different fingerprints that PostgREST has accepted. Text of a failed request may be anything, so it is not quoted.
FAN001 and FAN002 find fan-outs of one query; here no single query is the cause. Traces longer than
``rules.chatty_trace.max_seconds`` (a worker, a page left open) and traces that may mix several requests of the
application are not analysed.

Why it hurts
------------
Each request waits for a connection from the pool that all clients share, and the page is as slow as the slowest chain
of requests. If another request writes in between, the parts of the page contradict each other.

Example
-------
::

    3 of GET /creators?select=*&id=eq.1
    3 of GET /creators?select=handle&user_id=eq.5
    3 of GET /monthly_tracking?select=*&creator_id=eq.1
    3 of GET /videos?select=*&creator_id=eq.1
    3 of GET /videos?select=id&status=eq.uploaded
    3 of GET /rushes?select=*&creator_id=eq.1
    3 of GET /creator_payout_profiles?select=*&creator_id=eq.1
    3 of GET /video_rates?select=*
    3 of GET /package_definitions?select=*
    3 of GET /mix_definitions?select=*

Use instead
-----------
::

    POST /rpc/load_dashboard

Safety
------
Advice: fanin changes nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec.structs import replace
from pydantic import Field

from proxy.analysis.answer_shape import as_asked
from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.fan_out import call_impact
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, has_confirmed_names, is_query
from proxy.analysis.steps import slices
from proxy.findings.model import Finding
from proxy.fixes.reads.page_load import load_fix
from proxy.model import Span, Trace
from proxy.settings_base import Count, Positive, Thresholds
from proxy.text.counted import counted


class ChattyTrace(Thresholds):
    table = "chatty_trace"

    min_queries: Count = Field(30, description="FAN015: minimum requests in one trace. A page seldom needs more.")
    min_kinds: Count = Field(
        10, description="FAN015: minimum different fingerprints among them. Fewer mean fan-outs or loops."
    )
    max_seconds: Positive = Field(30.0, description="FAN015: a longer trace belongs to a worker or an open page.")


MOST = 5
"""Maximum fingerprints in evidence and fix, the most frequent ones."""


@InSteps
def detect(trace: Trace, context: RuleContext[ChattyTrace]) -> Iterator[Finding | None]:
    """At most one finding per trace."""
    bounds = context.thresholds
    if trace.mixed or trace.end - trace.start > bounds.max_seconds:
        return
    if len({span.fingerprint for span in trace.spans}) < bounds.min_kinds or len(trace.spans) < bounds.min_queries:
        return
    named: set[str] = set()
    for some in slices(trace.spans):
        named.update(span.fingerprint for span in some if has_confirmed_names(span))
        yield None
    spans = [span for span in trace.spans if is_query(span) and span.fingerprint in named]
    kinds = Counter(span.fingerprint for span in spans)
    if len(spans) >= bounds.min_queries and len(kinds) >= bounds.min_kinds:
        yield _finding(trace, spans, kinds)


RULE = Rule(
    code="FAN015",
    name="chatty-trace",
    safety="advice",
    document=__doc__,
    thresholds=ChattyTrace,
    detect=detect,
)


def _finding(trace: Trace, spans: Sequence[Span], kinds: Counter[str]) -> Finding:
    made = by_fingerprint(spans)
    often = [fingerprint for fingerprint, _ in kinds.most_common(MOST)]
    reads = [as_asked(parse_fingerprint(one), made[one]) for one in often if one.startswith("GET ")]
    where, calls = trace.route or "one trace", replace(trace, spans=tuple(spans)).calls
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans)),
        confidence="high" if trace.explicit else "medium",
        title=f"{len(spans)} requests of {len(kinds)} kinds in {where}",
        relation="",
        fingerprint="",
        route=trace.route,
        caller=caller_of(spans),
        problem="The application builds one page or job from many small requests.",
        current=f"{len(spans)} requests, {counted(calls, 'upstream call')} in"
        f" {1000 * (trace.end - trace.start):.0f} ms",
        evidence=tuple(f"{count} × {fingerprint}" for fingerprint, count in kinds.most_common(MOST)),
        fix=load_fix(reads),
        expected=f"One call instead of the {sum(kinds[fingerprint] for fingerprint in often)} most frequent ones.",
        risk="A function runs with its own privileges: security invoker keeps row level security in force. Leave"
        " out what the page can load later.",
        queries=tuple(often),
    )
