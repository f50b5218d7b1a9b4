"""FAN018 n-plus-one-function: one call of a function per value, where one call with all values is enough.

What it does
------------
Finds, within one trace, at least ``rules.n_plus_one.min_calls`` calls of one function (``/rpc/name``) by one caller.
Of calls by GET, ``rules.n_plus_one.min_distinct`` have to differ. fanin does not read the bodies of calls by POST, so
these may be equal; that lowers the confidence. Client retries, failed calls, polling and traces that may mix several
requests of the application do not count, nor do calls most of which follow a pause of more than
``rules.n_plus_one.max_pause`` seconds.

Why it hurts
------------
Each call has the full cost of a request: a client connection, a transaction in PostgREST with its role and settings,
and a plan in Postgres. Their number grows with the data. fanin does not merge calls of functions: it cannot know
whether a function has side effects, or what it returns for several values.

Example
-------
::

    GET /rpc/can_edit?ticket=1
    GET /rpc/can_edit?ticket=2
    GET /rpc/can_edit?ticket=3
    GET /rpc/can_edit?ticket=4
    GET /rpc/can_edit?ticket=5

Use instead
-----------
::

    GET /rpc/can_edit_all?tickets={1,2,3,4,5}

Safety
------
Advice: fanin changes nothing. The function that takes an array has to be written in the database.
"""

from collections.abc import Iterator, Sequence

from proxy.analysis.patterns.fan_out import call_impact, in_parallel
from proxy.analysis.patterns.pauses import BusyTime, runs_without_pauses, without_polling
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import caller_of, elapsed_seconds, function_call, group_by, succeeded
from proxy.analysis.steps import Steps
from proxy.findings.model import Finding, Fix
from proxy.model import Span, Trace
from rules.fan001_n_plus_one_read import NPlusOne

REASON = (
    "No code: fanin sees neither the arguments of {0} nor their types. A function that takes them as an array returns"
    " the rows of each element: select given.argument, result.* from unnest(arguments) as given(argument) cross join"
    " lateral {0}(given.argument) as result."
)


@InSteps
def detect(trace: Trace, context: RuleContext[NPlusOne]) -> Iterator[Finding | None]:
    """One finding per function and method."""
    load = BusyTime(trace.spans)
    calls = [] if trace.mixed else [span for span in trace.spans if _is_call(span)]
    for spans in group_by(calls, lambda span: (span.method, span.function, span.identity)).values():
        yield None
        if len(spans) >= context.thresholds.min_calls:
            loops = yield from _loops(spans, context.thresholds, load)
            if loops:
                yield _finding(trace, loops)


RULE = Rule(
    code="FAN018",
    name="n-plus-one-function",
    safety="advice",
    document=__doc__,
    thresholds=NPlusOne,
    detect=detect,
)


def _is_call(span: Span) -> bool:
    return bool(span.function) and span.method in ("GET", "POST") and not span.retry and succeeded(span)


def _loops(spans: Sequence[Span], bounds: NPlusOne, load: BusyTime) -> Steps[list[Span]]:
    """The calls of the loops among ``spans``, which are of one function."""
    asked = yield from without_polling(spans)
    loops: list[Span] = []
    for run in runs_without_pauses(asked, bounds.max_pause, load):
        yield
        different = len({span.same for span in run})
        if len(run) >= bounds.min_calls and (run[0].method == "POST" or different >= bounds.min_distinct):
            loops += run
    return loops


def _finding(trace: Trace, spans: Sequence[Span]) -> Finding:
    name, by_post = spans[0].function, spans[0].method == "POST"
    seen = trace.explicit and not by_post
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans)),
        confidence="high" if seen else "medium" if trace.explicit else "low",
        title=f"{len(spans)} calls of the function {name}",
        relation="",
        fingerprint=function_call(spans[0]),
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application calls {name} once per value: the number of calls grows with the data.",
        current=f"{len(spans)} calls in {1000 * elapsed_seconds(spans):.0f} ms",
        evidence=tuple(_evidence(spans, by_post)),
        fix=Fix(reason=REASON.format(name)),
        expected=f"One call of a function that takes an array instead of {len(spans)} calls.",
        risk="If the function has side effects, one call has them all or, after an error, none.",
    )


def _evidence(spans: Sequence[Span], by_post: bool) -> Iterator[str]:
    parallel = in_parallel(spans)
    yield "sent in parallel" if parallel else "sent one after another, each after the answer to the previous one"
    if by_post:
        yield "the arguments are in the bodies, which fanin does not read: the calls may be equal"
    else:
        yield f"{len({span.same for span in spans})} different calls"
