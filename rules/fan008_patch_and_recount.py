"""FAN008 patch-and-recount: after each write of a row the list is read again, to count it.

What it does
------------
Finds, within one trace, at least ``rules.patch_and_recount.min_rounds`` times the same round: a write to a relation,
then a list or a count of that relation, and often a write of the result elsewhere. A read of the very row that was
written is no recount, nor is a look-up (of one row, or of none after an insert), nor a list that is read
``rules.patch_and_recount.max_pause`` seconds after the round before: then somebody looks at it each time.

Why it hurts
------------
All counts but the last are thrown away. The rows that are read grow with the square of the rows that are written, and
each call waits for the one before it. What is counted in the application and then written is wrong as soon as two do
it at once: each writes the number that it saw.

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
Advice: fanin changes nothing. A write is passed on as it is, and a read after a write is answered from after it.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from pydantic import Field

from proxy.analysis.fan_out import call_impact, most_varied
from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.spans import (
    READS,
    caller_of,
    group_by,
    is_query,
    literal_kind,
    succeeded,
    total_rows,
    total_seconds,
)
from proxy.findings.model import Finding, Fix
from proxy.fixes.recount_code import Recount, recount_js, recount_py, recount_sql
from proxy.fixes.write_code import VERBS, write_name
from proxy.model import Span, Trace
from proxy.settings_base import Positive, Thresholds


class PatchAndRecount(Thresholds):
    table = "patch_and_recount"

    min_rounds: Annotated[int, Field(ge=2)] = Field(
        3, description="FAN008: writes with a list after each. Twice may be a change and its correction."
    )
    max_pause: Positive = Field(
        0.5, description="FAN008: a longer wait between two rounds parts them: somebody looked at the list meanwhile."
    )


WEIGHT = 4
"""What a call that is spared counts: each waits for the one before, writes or reads what was just written, and adds to
the time in which others see a number that is wrong."""


class Round(msgspec.Struct):
    """A write, the list that is read after it, and where the result is written, if anywhere."""

    write: Span
    read: Span
    then: Span | None = None

    @property
    def spans(self) -> list[Span]:
        return [span for span in (self.write, self.read, self.then) if span is not None]


def detect(trace: Trace, context: RuleContext[PatchAndRecount]) -> Iterator[Finding]:
    """One finding for each pair of a write and a list."""
    if trace.mixed:
        return
    pairs = group_by(_rounds(trace.spans), lambda one: (one.write.fingerprint, one.read.fingerprint))
    for rounds in pairs.values():
        found = _in_a_row(rounds, context.thresholds)
        if found:
            yield _finding(trace, found)


RULE = Rule(
    code="FAN008",
    name="patch-and-recount",
    safety="advice",
    document=__doc__,
    thresholds=PatchAndRecount,
    detect=detect,
)


def _rounds(spans: Sequence[Span]) -> Iterator[Round]:
    """In the order of time. What is written elsewhere belongs to the round before it."""
    written: dict[str, Span] = {}
    last: Round | None = None
    for span in sorted(spans, key=lambda span: span.start):
        if not is_query(span) or not succeeded(span):
            continue
        if span.method in VERBS:
            if last and last.then is None and last.write.relation != span.relation and span.start >= last.read.end:
                last.then = span
            written[span.relation] = span
        elif span.method in READS and span.relation in written and span.start >= written[span.relation].end:
            write = written.pop(span.relation)
            if not _is_of_the_row(write, span) and not _is_look_up(write, span):
                last = Round(write, span)
                yield last


def _is_of_the_row(write: Span, read: Span) -> bool:
    """Whether the read asks for the row that was written, and not for those beside it."""
    keys = {f.column for f in parse_fingerprint(write.fingerprint).filters if f.operator == "eq"} | {"id"}
    return any(f.operator == "eq" and f.column in keys for f in parse_fingerprint(read.fingerprint).filters)


def _is_look_up(write: Span, read: Span) -> bool:
    """Whether the read wants one row, or finds nothing right after an insert: what was inserted is not of its list."""
    return read.limit == 1 or (write.method == "POST" and read.method == "GET" and read.rows == 0)


def _in_a_row(rounds: Sequence[Round], bounds: PatchAndRecount) -> list[Round]:
    """The rounds of the runs that are long enough, of different rows if the write says of which."""
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
    return found if most_varied(parse_fingerprint(writes[0].fingerprint), writes, bounds.min_rounds) else []


def _finding(trace: Trace, rounds: Sequence[Round]) -> Finding:
    spans = [span for one in rounds for span in one.spans]
    recount = _recount(rounds)
    calls = recount.calls
    seconds = total_seconds(spans)
    shown = recount.write
    return Finding(
        code=RULE.code,
        impact=call_impact(WEIGHT * (len(spans) - calls), seconds * (1 - calls / len(spans))),
        confidence="high" if trace.explicit else "medium",
        title=f"{len(rounds)} times a write to {shown.name} and a new list of it",
        relation=rounds[0].write.relation,
        fingerprint=rounds[0].write.fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application reads {recount.read.name} again after each row that it writes, though only what"
        " it reads after the last one is right.",
        current=f"{len(spans)} requests one after another, {total_rows(one.read for one in rounds)} rows read"
        f" in {1000 * seconds:.0f} ms",
        evidence=tuple(_evidence(rounds, recount)),
        fix=Fix(sql=recount_sql(recount), supabase_js=recount_js(recount), supabase_py=recount_py(recount)),
        expected=f"{write_name(shown, recount.key)}(…) once, and one recount: {len(spans)} requests become {calls}.",
        risk="Where rows are given different values, one write for each value, or one upsert of all. A number that is"
        " counted here and written there is wrong when two do so at once; counted in the database, by a view or in the"
        " same statement, it never is.",
    )


def _recount(rounds: Sequence[Round]) -> Recount:
    writes, reads = [one.write for one in rounds], [one.read for one in rounds]
    write, read = parse_fingerprint(writes[0].fingerprint), parse_fingerprint(reads[0].fingerprint)
    key = most_varied(write, writes, 2)
    by = most_varied(read, reads, 2) if reads[0].method == "GET" else None
    later = [one.then for one in rounds if one.then is not None]
    return Recount(
        write=write,
        key=key.column if key else "",
        key_kind=literal_kind(writes, key.column) if key else "",
        read=read,
        read_key=by.column if by else "",
        read_key_kind=literal_kind(reads, by.column) if by else "",
        result_write=parse_fingerprint(later[0].fingerprint) if later else None,
        reads=1 if by else len({span.literals for span in reads}),
        result_writes=len({(span.fingerprint, span.literals) for span in later}),
    )


def _evidence(rounds: Sequence[Round], recount: Recount) -> Iterator[str]:
    names = {"PATCH": "updates", "DELETE": "deletions", "POST": "inserts"}
    yield f"{len(rounds)} {names[recount.write.method]}, each followed by the same kind of read of the same relation"
    later = sum(one.then is not None for one in rounds)
    if recount.result_write is not None:
        rows = f"{recount.result_writes} different rows"
        yield f"{later} of them followed by a write to {recount.result_write.name}, of {rows}"
    asked = len({one.read.literals for one in rounds})
    yield f"{len(rounds)} reads asked for {asked} different lists"
