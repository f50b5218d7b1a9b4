"""FAN003 duplicate-read: the same read is repeated with no write in between.

What it does
------------
Finds, within one trace, reads of tables and views that one caller made at least ``rules.duplicate_read.min_calls``
times. The requests are byte-equal, or have the same answer and differ only in a bound that is new each time, such as
``at=lte.`` and the present moment, or in a header that names the call, such as ``X-Request-Id``. Between them is no
write by the trace, no write to the relation by anybody that fanin saw, and as a rule no pause of more than
``rules.duplicate_read.max_pause`` seconds without a request. A loop that writes to other tables, and reads the
same rows at least three times between those writes, counts too: if all the answers are alike, the names of the tables
have no word in common, and no function was called by POST. Client retries, answers other than 2xx, polling, and reads
that are part of an N+1 (FAN001, FAN002) do not count. Traces that may mix several requests of the application are not
analysed. The default is three: two equal reads are often intended (check, then use).

Why it hurts
------------
Each repetition costs a connection, a transaction and a query for rows that the application already has. Typical causes
are parts of a page, middleware and helpers that each fetch the same rows (the user, the tenant, the settings). If rows
change between two of the reads, one page shows contradictory data.

Example
-------
::

    GET /creators?select=*&id=eq.7
    GET /creators?select=*&id=eq.7
    GET /creators?select=*&id=eq.7

Use instead
-----------
::

    GET /creators?select=*&id=eq.7

Safety
------
Safe: equal reads that wait at the same time share one call, and each caller gets a copy of PostgREST's answer, unless
the answer has a cookie or another header that may belong to one caller. A read never joins a call that was already
sent, so it does not see older rows than with a call of its own. Reads that differ in a header share none, unless
``identity.also_neutral`` names it. fanin does not share reads made one after another; for all kinds, read once and pass
the rows on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Annotated

from pydantic import Field

from proxy.analysis.answer_shape import as_asked, shape_risk
from proxy.analysis.fingerprint import ParsedFingerprint, parse_fingerprint
from proxy.analysis.patterns.equal_reads import equal_between_other_writes, written_between
from proxy.analysis.patterns.fan_out import (
    call_impact,
    in_parallel,
    parallel_fan_out,
    sequential_fan_out,
)
from proxy.analysis.patterns.moving_bounds import bounds_of, equal_but_for_a_bound, moving_names
from proxy.analysis.patterns.pauses import BusyTime, is_polled, runs_without_pauses
from proxy.analysis.patterns.per_call_headers import (
    differing_names,
    differs_in_header,
    equal_but_for_a_header,
    header_names,
)
from proxy.analysis.rule import InSteps, Rule, RuleContext, RuleLookup
from proxy.analysis.spans import (
    by_fingerprint,
    caller_of,
    count_calls,
    elapsed_seconds,
    group_by,
    is_read_or_count,
    may_write,
    succeeded,
    total_bytes,
)
from proxy.analysis.steps import Steps
from proxy.findings.model import Finding, Fix
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.read_code import once_js, once_py
from proxy.fixes.sql.read import read_sql
from proxy.model import Span, Trace
from proxy.settings_base import NO_OVERRIDE, Positive, Thresholds
from proxy.text.counted import counted
from rules.fan001_n_plus_one_read import RULE as N_PLUS_ONE_READ
from rules.fan002_sequential_n_plus_one import RULE as SEQUENTIAL_N_PLUS_ONE


class DuplicateRead(Thresholds):
    table = "duplicate_read"

    min_calls: Annotated[int, Field(ge=2)] = Field(
        3,
        description="FAN003: minimum equal reads in one trace with no write between them. Two are often intended.",
    )
    max_pause: Positive = Field(
        0.2,
        description="FAN003: after a longer pause, an equal read is intended if more than a quarter of the pauses are "
        "longer, or this one is ten times as long: a person or a timer causes them, and the rows may have changed.",
    )
    rpc: tuple[str, ...] = Field(
        (),
        description="Functions whose equal GETs may share a call, as name or schema.name, in addition to those that "
        "are stable in the catalog (db_uri). List only functions without side effects.",
        json_schema_extra=NO_OVERRIDE,
    )


MOST_PAUSES = 0.25
"""Maximum share of longer pauses. Repeated reads are few: two of four after a pause are no accident."""

Run = list[Span]
"""Equal reads with no write between them."""


@InSteps
def detect(trace: Trace, context: RuleContext[DuplicateRead]) -> Iterator[Finding | None]:
    """One finding per fingerprint whose reads are repeated in ``trace``."""
    if trace.mixed:
        return
    runs = yield from _repeated(trace.spans, context.thresholds)
    reads = by_fingerprint(filter(is_read_or_count, trace.spans)) if runs else {}
    for fingerprint, again in group_by(runs, lambda run: run[0].fingerprint).items():
        yield None
        parsed = as_asked(parse_fingerprint(fingerprint), [span for run in again for span in run])
        is_n_plus_one = yield from _is_n_plus_one(parsed, reads.get(fingerprint, ()), trace, context.settings)
        if not is_n_plus_one:
            yield _finding(trace, parsed, again)


RULE = Rule(
    code="FAN003",
    name="duplicate-read",
    safety="safe",
    document=__doc__,
    thresholds=DuplicateRead,
    default_level="rewrite",
    can_rewrite=True,
    detect=detect,
)


def _repeated(spans: Sequence[Span], bounds: DuplicateRead) -> Steps[list[Run]]:
    """The runs with at least ``min_calls`` reads, without polling."""
    often = [equal for equal in _equal(spans, bounds.min_calls) if len(equal) >= bounds.min_calls]
    yield
    between = yield from equal_between_other_writes(spans, {run[0].same for run in often}, bounds.min_calls)
    often += between
    apart = yield from equal_but_for_a_header(spans, {run[0].same for run in often}, bounds.min_calls)
    often += apart
    yield
    moving = yield from _moving(spans)
    often += [run for run in moving if len(run) >= bounds.min_calls]
    runs: list[Run] = []
    if not often:
        return runs
    yield
    load = BusyTime(spans)
    for equal in often:
        yield
        if not is_polled(equal, load):
            bursts = runs_without_pauses(equal, bounds.max_pause, load, MOST_PAUSES)
            runs += (run for run in bursts if len(run) >= bounds.min_calls)
    return runs


def _equal(spans: Sequence[Span], least: int) -> Iterable[Run]:
    """The equal reads, of those with at least ``least`` equal requests."""
    equal: dict[tuple[int, int, int], Run] = {}
    often = {same for same, requests in Counter(map(attrgetter("same"), spans)).items() if requests >= least}
    writes = 0
    for span in sorted(spans, key=attrgetter("start")) if often else ():
        if may_write(span):
            writes += 1
        elif span.same in often and is_read_or_count(span) and succeeded(span):
            equal.setdefault((span.same, writes, span.writes), []).append(span)
    return equal.values()


def _moving(spans: Sequence[Span]) -> Steps[list[Run]]:
    """Reads that are equal but for a bound, such as the present moment, and got the same answer."""
    between: dict[tuple[int, int], Run] = {}
    bounded: set[str] = set()
    for fingerprint in {span.fingerprint for span in spans}:
        yield
        if bounds_of(fingerprint):
            bounded.add(fingerprint)
    writes = 0
    for span in sorted(spans, key=attrgetter("start")) if bounded else ():
        if may_write(span):
            writes += 1
        elif span.fingerprint in bounded and is_read_or_count(span) and succeeded(span):
            between.setdefault((writes, span.writes), []).append(span)
    found: list[Run] = []
    for run in between.values():
        if len(run) > 1:
            found += yield from equal_but_for_a_bound(run)
    return found


def _is_n_plus_one(parsed: ParsedFingerprint, spans: Sequence[Span], trace: Trace, settings: RuleLookup) -> Steps[bool]:
    """Whether FAN001 or FAN002 reports these reads: one batch read fixes both."""
    load = BusyTime(trace.spans)
    for rule, detect in ((N_PLUS_ONE_READ, parallel_fan_out), (SEQUENTIAL_N_PLUS_ONE, sequential_fan_out)):
        context = settings.of(rule)
        if context.level != "off":
            found = yield from detect(parsed, spans, context.thresholds, load)
            if found is not None:
                return True
    return False


def _finding(trace: Trace, parsed: ParsedFingerprint, again: Sequence[Run]) -> Finding:
    spans = [span for run in again for span in run]
    fix = _fix(parsed, _moving_names(again))
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans)),
        confidence="high" if trace.explicit else "medium",
        title=_title(parsed, again),
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application reads rows of {parsed.name} again that it already has.",
        current=f"{len(spans)} requests, {counted(count_calls(spans), 'upstream call')}, {total_bytes(spans)} bytes"
        f" in {1000 * elapsed_seconds(spans):.0f} ms",
        evidence=(*_evidence(again, written_between(trace.spans, again)), *_callers(spans)),
        fix=fix,
        expected=f"{len(spans)} requests become {len(again)}.",
        risk="A change that others make during the request is seen only by the next request. If the repetition waits"
        f" for such a change (polling), it is intended: mute this finding.{shape_risk(spans, fix)}",
    )


def _fix(parsed: ParsedFingerprint, moving: str) -> Fix:
    """Code that reads once. With a moving bound, it would read once per value of the bound."""
    if moving:
        return Fix(
            reason=f"No code: {moving} has another value in each call. Take it once at the start of the application"
            " request, round it if it may be older, and pass the rows on."
        )
    return printable_fix([parsed], lambda: read_sql(parsed), lambda: once_js(parsed), lambda: once_py(parsed))


def _title(parsed: ParsedFingerprint, again: Sequence[Run]) -> str:
    count = sum(map(len, again))
    if len(again) > 1:
        return f"{count} reads of {parsed.name} for {len(again)} different queries"
    moving, header = _moving_names(again), header_names(again)
    but_for = f"the moving bound {moving}" if moving else header
    return f"{count} equal reads of {parsed.name}" + (f", but for {but_for}" if but_for else "")


def _moving_names(again: Sequence[Run]) -> str:
    """The bounds that differ in the reads of a run; empty if the reads are byte-equal."""
    return ", ".join(dict.fromkeys(name for run in again for name in moving_names(run)))


def _header_evidence(again: Sequence[Run]) -> Iterator[str]:
    """Which header keeps reads in flight together from sharing a call, with the setting that lets them."""
    apart = [run for run in again if differs_in_header(run) and in_parallel(run)]
    if not apart:
        return
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(name for run in apart for name in differing_names(run)))
    setting = f"identity.also_neutral = [{names}]" if names else "name it in identity.also_neutral"
    yield f"{header_names(apart)} is new in each, so that they share no call. If no SQL reads it: {setting}"


def _evidence(again: Sequence[Run], other: Sequence[str]) -> Iterator[str]:
    written = f", but for writes to {', '.join(other)}" if other else ""
    times = " and ".join(str(len(run)) for run in again[:3]) + (" and …" if len(again) > 3 else "")
    moving = _moving_names(again)
    if moving:
        yield f"requests of one caller that differ only in {moving}, made {times} times, each time answered alike"
        yield f"no write by anybody in between{written}"
    elif header := header_names(again):
        yield f"requests of one caller that are equal but for {header}, made {times} times, each time answered alike"
        yield f"no write by anybody in between{written}"
    else:
        yield f"byte-equal requests of one caller, made {times} times, with no write by anybody in between{written}"
    parallel = [run for run in again if in_parallel(run)]
    if parallel:
        calls = count_calls(span for run in parallel for span in run)
        yield f"{sum(map(len, parallel))} sent in parallel; fanin answered them with {counted(calls, 'upstream call')}"
        yield from _header_evidence(again)
    if len(parallel) < len(again):
        alone = sum(map(len, again)) - sum(map(len, parallel))
        yield f"{alone} sent one after another, which fanin cannot share"


def _callers(spans: Sequence[Span]) -> Iterator[str]:
    callers = Counter(span.caller for span in spans if span.caller)
    if len(callers) > 1:
        yield "called from " + ", ".join(f"{caller} ({count}×)" for caller, count in callers.most_common(3))
