"""FAN008 patch-and-recount: after each write of a row, the list is read again to count its rows.

What it does
------------
Finds, within one trace, at least ``rules.patch_and_recount.min_rounds`` repetitions of a round: a write to a relation,
then a list or a count of that relation, and often a write of the result to another relation. These do not count: a read
of the written row itself, a look-up (of one row, by a key, or with no row after an insert), and rounds with more than
``rules.patch_and_recount.max_pause`` seconds between them, because a person then looks at each list. What is a key is
known with ``db_uri`` or ``detect.openapi``; else it is a filter by which each read finds another single row.

Why it hurts
------------
All counts except the last are discarded. The number of rows read grows with the square of the number of rows written,
and each call waits for the previous one. A count that the application computes and then writes is wrong if two requests
do it concurrently: each writes the number that it read.

Example
-------
::

    PATCH /videos?id=eq.1
    then GET /videos?select=*&monthly_tracking_id=eq.7 → 10 rows
    then PATCH /monthly_tracking?id=eq.7
    then PATCH /videos?id=eq.2
    then GET /videos?select=*&monthly_tracking_id=eq.7 → 10 rows
    then PATCH /monthly_tracking?id=eq.7
    then PATCH /videos?id=eq.3
    then GET /videos?select=*&monthly_tracking_id=eq.7 → 10 rows
    then PATCH /monthly_tracking?id=eq.7

Use instead
-----------
::

    PATCH /videos?id=in.(1,2,3)
    then GET /videos?select=*&monthly_tracking_id=eq.7 → 10 rows
    then PATCH /monthly_tracking?id=eq.7

Safety
------
Advice: fanin changes nothing. It forwards each write as it is, and a read after a write sees that write.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Annotated

import msgspec
from msgspec.structs import replace
from pydantic import Field

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.fan_out import call_impact, most_varied
from proxy.analysis.patterns.varying import SimilarCalls, has_many_rows_per_key, similar_calls, variation_evidence
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import (
    READS,
    caller_of,
    group_by,
    is_query,
    is_quotable,
    rows_text,
    steady_seconds,
    total_seconds,
)
from proxy.analysis.steps import SLICE, Steps, slices
from proxy.analysis.values.unique_key import has_key
from proxy.findings.model import Finding
from proxy.fixes.writes.recount_code import Recount, recount_fix
from proxy.fixes.writes.write_code import VERBS, write_name
from proxy.model import Span, Trace
from proxy.settings_base import Positive, Thresholds
from proxy.text.counted import counted


class PatchAndRecount(Thresholds):
    table = "patch_and_recount"

    min_rounds: Annotated[int, Field(ge=2)] = Field(
        3,
        description="FAN008: minimum writes that are each followed by a list. Two may be a change and its correction.",
    )
    max_pause: Positive = Field(
        0.5, description="FAN008: a longer pause between two rounds separates them: a person looked at the list."
    )


WEIGHT = 4
"""Weight of a saved call in the impact: each call waits for the previous one, and others read a wrong number longer."""


class Round(msgspec.Struct):
    """A write, the list that is read after it, and the write of the result, if there is one."""

    write: Span
    read: Span
    then: Span | None = None

    @property
    def spans(self) -> list[Span]:
        return [span for span in (self.write, self.read, self.then) if span is not None]


@InSteps
def detect(trace: Trace, context: RuleContext[PatchAndRecount]) -> Iterator[Finding | None]:
    """One finding per pair of fingerprints of a write and a list."""
    if trace.mixed:
        return
    all_rounds = yield from _rounds(trace.spans, context)
    pairs = group_by(all_rounds, lambda one: (one.write.fingerprint, one.read.fingerprint))
    for rounds in pairs.values():
        yield None
        found = yield from _in_a_row(rounds, context.thresholds)
        looked_up = yield from _is_looked_up(found)
        if found and not looked_up:
            recount = yield from _recount(found, context)
            yield _finding(trace, found, recount, context)


RULE = Rule(
    code="FAN008",
    name="patch-and-recount",
    safety="advice",
    document=__doc__,
    thresholds=PatchAndRecount,
    detect=detect,
)


def _rounds(spans: Sequence[Span], context: RuleContext[PatchAndRecount]) -> Steps[list[Round]]:
    """The rounds by start. A write to another relation belongs to the round before it."""
    if not VERBS.keys() & {span.method for span in spans}:
        return []
    written: dict[str, Span] = {}
    of_the_row: dict[tuple[str, str], bool] = {}
    rounds: list[Round] = []
    last: Round | None = None
    for number, span in enumerate(sorted(spans, key=attrgetter("start"))):
        if not number % SLICE:
            yield
        if not is_query(span) or not is_quotable(span):
            continue
        if span.method in VERBS:
            if last and last.then is None and last.write.relation != span.relation and span.start >= last.read.end:
                last.then = span
            written[span.relation] = span
        elif span.method in READS and span.relation in written and span.start >= written[span.relation].end:
            write = written.pop(span.relation)
            pair = write.fingerprint, span.fingerprint
            if pair not in of_the_row:
                yield
                of_the_row[pair] = _is_of_the_row(*pair, context)
            if not of_the_row[pair] and not _is_look_up(write, span):
                last = Round(write, span)
                rounds.append(last)
    return rounds


def _is_of_the_row(write: str, read: str, context: RuleContext[PatchAndRecount]) -> bool:
    """Whether the read asks for the written row only, or for one row by a key; both by their fingerprints."""
    written, asked = _columns(write), _columns(read)
    return has_key(parse_fingerprint(read), asked, context.facts) or (bool(written) and written <= asked)


def _columns(fingerprint: str) -> set[str]:
    return {condition.column for condition in parse_fingerprint(fingerprint).filters if condition.operator == "eq"}


def _is_looked_up(rounds: Sequence[Round]) -> Steps[bool]:
    """Whether each read found one row at most, most by a value of their own: a key, by which the new row is read."""
    reads = [one.read for one in rounds]
    if not reads or any(read.method != "GET" or not 0 <= read.rows <= 1 for read in reads):
        return False
    varied = yield from most_varied(parse_fingerprint(reads[0].fingerprint), reads, len(reads) // 2 + 1)
    return varied is not None


def _is_look_up(write: Span, read: Span) -> bool:
    """Whether the read asks for one row, or returns none right after an insert: the new row is not in its list."""
    return read.limit == 1 or (write.method == "POST" and read.method == "GET" and read.rows == 0)


def _in_a_row(rounds: Sequence[Round], bounds: PatchAndRecount) -> Steps[list[Round]]:
    """The rounds of runs with at least ``min_rounds``; of different rows if the write has a filter by key."""
    runs: list[list[Round]] = []
    for one in rounds:
        if runs and one.write.start - max(span.end for span in runs[-1][-1].spans) <= bounds.max_pause:
            runs[-1].append(one)
        else:
            runs.append([one])
    found = [one for run in runs if len(run) >= bounds.min_rounds for one in run]
    if not found or found[0].write.method == "POST":
        return found
    writes = [one.write for one in found]
    varied = yield from most_varied(parse_fingerprint(writes[0].fingerprint), writes, bounds.min_rounds)
    return found if varied else []


def _finding(trace: Trace, rounds: Sequence[Round], recount: Recount, context: RuleContext[PatchAndRecount]) -> Finding:
    spans = [span for one in rounds for span in one.spans]
    calls = recount.calls
    seconds = total_seconds(spans)
    parsed = recount.write.parsed
    name = write_name(parsed, [key.column for key in recount.write.keys], recount.write.preferences)
    return Finding(
        code=RULE.code,
        impact=call_impact(WEIGHT * (len(spans) - calls), steady_seconds(spans)),
        confidence="high" if trace.explicit else "medium",
        title=f"{len(rounds)} writes to {parsed.name}, and a new list of it after each",
        relation=rounds[0].write.relation,
        fingerprint=rounds[0].write.fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application reads {recount.read.parsed.name} again after each row that it writes, but needs only"
        " the read after the last one.",
        current=f"{len(spans)} requests one after another, {rows_text([one.read for one in rounds])} read"
        f" in {1000 * seconds:.0f} ms",
        evidence=tuple(_evidence(rounds, recount)),
        fix=recount_fix(recount, context.facts),
        expected=f"{name}(…) once, and one recount: {len(spans)} requests become {calls}.",
        risk="If rows get different values, send one write per group of rows with the same ones. A number that the"
        " application counts and writes is wrong if two requests do so concurrently; a count in the database, by a view"
        " or in the same statement, is not.",
        queries=tuple(dict.fromkeys(span.fingerprint for span in spans)),
    )


def _recount(rounds: Sequence[Round], context: RuleContext[PatchAndRecount]) -> Steps[Recount]:
    writes, reads = [one.write for one in rounds], [one.read for one in rounds]
    write, read = parse_fingerprint(writes[0].fingerprint), parse_fingerprint(reads[0].fingerprint)
    batch = yield from similar_calls(read, reads)
    if reads[0].method != "GET" or not batch.keys:
        batch = replace(batch, keys=(), kinds=())
    later = [one.then for one in rounds if one.then is not None]
    written = yield from similar_calls(write, writes)
    result = (yield from _result_write(later)) if later else None
    lists = yield from _count_different(reads)
    results = yield from _count_different(later)
    return Recount(
        write=written,
        read=batch,
        many=has_many_rows_per_key(batch, context.facts),
        result_write=result,
        reads=1 if batch.keys else lists,
        result_writes=results,
        lists=lists,
    )


def _result_write(later: Sequence[Span]) -> Steps[SimilarCalls]:
    """The write of a result, as it is: its rows are written one by one."""
    same = [span for span in later if span.fingerprint == later[0].fingerprint]
    written = yield from similar_calls(parse_fingerprint(same[0].fingerprint), same)
    return replace(written, keys=(), kinds=(), others=())


def _count_different(spans: Sequence[Span]) -> Steps[int]:
    """Number of different requests, by fingerprint and literals."""
    different: set[tuple[str, tuple[int, ...]]] = set()
    for some in slices(spans):
        different.update((span.fingerprint, span.literals) for span in some)
        yield
    return len(different)


def _evidence(rounds: Sequence[Round], recount: Recount) -> Iterator[str]:
    names = {"PATCH": "updates", "DELETE": "deletions", "POST": "inserts"}
    what = names[recount.write.parsed.method]
    yield f"{len(rounds)} {what}, each followed by the same kind of read of the same relation"
    later = sum(one.then is not None for one in rounds)
    if recount.result_write is not None:
        rows = counted(recount.result_writes, "different row")
        yield f"{later} of them followed by a write to {recount.result_write.parsed.name}, of {rows}"
    yield f"{len(rounds)} reads asked for {counted(recount.lists, 'different list')}"
    yield f"writes: {variation_evidence(recount.write)}"
    yield f"reads: {variation_evidence(recount.read)}"
