"""FAN004 n-plus-one-write: one write per row, where one write for all rows is enough.

What it does
------------
Finds, within one trace, at least ``rules.n_plus_one_write.min_calls`` PATCHes or DELETEs that differ only in the value
of one ``eq`` filter, with at least ``rules.n_plus_one_write.min_distinct`` different values, or the same number of
POSTs to one relation. The writes are made in parallel, or one after another with no more than
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

if all rows get the same values, or one upsert of all rows if each row gets its own values:

::

    POST /videos?on_conflict=id&columns=id,status

Safety
------
Advice: fanin changes nothing. It forwards each write separately, in order, and never sends one twice.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.fan_out import (
    LoopThresholds,
    call_impact,
    distinct_values,
    in_parallel,
    looped_fan_out,
    split_at_pauses,
)
from proxy.analysis.fingerprint import Filter, ParsedFingerprint, conflict_columns, parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import (
    by_query,
    caller_of,
    elapsed_seconds,
    is_query,
    literal_kind,
    succeeded,
)
from proxy.findings.model import Finding, Fix
from proxy.fixes.sql.write import batch_write_sql, rows_sql, update_each_sql
from proxy.fixes.write_code import VERBS, batch_write_js, batch_write_py, rows_js, rows_py, write_name
from proxy.model import Span, Trace
from proxy.settings_base import Count, Positive


class NPlusOneWrite(LoopThresholds):
    table = "n_plus_one_write"

    min_calls: Count = Field(
        5, description="FAN004: minimum writes of one row in one trace. Fewer are often separate events."
    )
    min_distinct: Count = Field(5, description="FAN004: minimum different keys among them, if they have keys.")
    max_pause: Positive = Field(
        0.5,
        description="FAN004: a longer pause between two writes ends their loop; separate events cause such pauses.",
    )


SAME = "If all rows get the same values:"
OWN = "If each row gets its own values, as whole rows:"
NOTHING = 2
"""Maximum bytes of an answer's body without a row (``[]``)."""


@InSteps
def detect(trace: Trace, context: RuleContext[NPlusOneWrite]) -> Iterator[Finding | None]:
    """One finding per fingerprint that writes row by row in ``trace``."""
    if trace.mixed:
        return
    for spans in by_query(filter(_is_write, trace.spans)).values():
        yield None
        if len(spans) < context.thresholds.min_calls:
            continue
        shown = parse_fingerprint(spans[0].fingerprint)
        if shown.method == "POST":
            inserts = _inserts(shown, spans, context.thresholds)
            if inserts:
                yield _finding(trace, shown, inserts, None)
        else:
            found = yield from looped_fan_out(shown, spans, context.thresholds)
            if found is not None:
                yield _finding(trace, shown, found.spans, found.key)


RULE = Rule(
    code="FAN004",
    name="n-plus-one-write",
    safety="advice",
    document=__doc__,
    thresholds=NPlusOneWrite,
    detect=detect,
)


def _is_write(span: Span) -> bool:
    return span.method in VERBS and is_query(span) and succeeded(span)


def _inserts(shown: ParsedFingerprint, spans: Sequence[Span], bounds: NPlusOneWrite) -> list[Span]:
    """Inserts made one after another, of one row each as far as headers and answers show."""
    array = any(param.startswith("columns=") for param in shown.rest)
    single = [
        span for span in spans if (span.row_keys or not array) and all(len(keys) == 1 for _, keys in span.row_keys)
    ]
    return [span for run in split_at_pauses(single, bounds.max_pause) if len(run) >= bounds.min_calls for span in run]


def _finding(trace: Trace, shown: ParsedFingerprint, spans: Sequence[Span], key: Filter | None) -> Finding:
    name = write_name(shown, key.column if key else "")
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans)),
        confidence=_confidence(trace, spans, key),
        title=_title(shown, spans, key),
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application writes {shown.name} row by row: the number of transactions grows with the number"
        " of rows, and after an error only the rows before it are written.",
        current=f"{len(spans)} requests, {len(spans)} transactions in {1000 * elapsed_seconds(spans):.0f} ms",
        evidence=tuple(_evidence(spans, key)),
        fix=_of_rows(shown, spans) if key is None else _of_keys(shown, spans, key.column),
        expected=f"{name}(…) once: {len(spans)} requests become 1"
        + ("." if key is None or shown.method == "DELETE" else " if all rows get the same values, or 1 upsert."),
        risk="Either all rows are written, or none. " + _risk(shown, key),
    )


def _title(shown: ParsedFingerprint, spans: Sequence[Span], key: Filter | None) -> str:
    if key is not None:
        what = "updates" if shown.method == "PATCH" else "deletions"
        return f"{len(spans)} {what} of {shown.name}, one for each {key.column}"
    return f"{len(spans)} {'upserts' if conflict_columns(shown) else 'inserts'} into {shown.name}, one row each"


def _confidence(trace: Trace, spans: Sequence[Span], key: Filter | None) -> str:
    """High if the number of rows is certain; that of a POST is certain only if its answer has the rows."""
    if not trace.explicit:
        return "low"
    return "high" if key is not None or all(span.row_keys for span in spans) else "medium"


def _evidence(spans: Sequence[Span], key: Filter | None) -> Iterator[str]:
    if key is not None:
        yield f"{len(spans)} requests differ only in {key.column}, with {distinct_values(spans, key)} different values"
    elif all(span.row_keys for span in spans):
        yield f"{len(spans)} requests, whose answers have one row each"
    else:
        yield f"{len(spans)} requests to one relation without ?columns=, which clients send for several rows"
    yield "sent in parallel" if in_parallel(spans) else "sent one after another"
    yield "bodies are not read: fanin does not know whether all rows get the same values"


def _risk(shown: ParsedFingerprint, key: Filter | None) -> str:
    if shown.method == "DELETE":
        return "A list of more than about 200 keys should be sent in several calls."
    if key is None:
        return "All objects of the array must have the same members."
    return (
        "An upsert needs a unique column, the privilege and the policies to insert, and every NOT NULL column."
        " If groups of rows get the same values, one PATCH per group is enough."
    )


def _of_rows(shown: ParsedFingerprint, spans: Sequence[Span]) -> Fix:
    conflict, returns = conflict_columns(shown), _returns(spans)
    return Fix(
        sql=rows_sql(shown, conflict),
        supabase_js=rows_js(shown, conflict, returns),
        supabase_py=rows_py(shown, conflict),
    )


def _of_keys(shown: ParsedFingerprint, spans: Sequence[Span], key: str) -> Fix:
    kind, returns = literal_kind(spans, key), _returns(spans)
    same = batch_write_sql(shown, key, kind), batch_write_js(shown, key, returns), batch_write_py(shown, key)
    if shown.method == "DELETE" or "->" in key:
        return Fix(*same)
    own = update_each_sql(shown, key), rows_js(shown, key, returns), rows_py(shown, key)
    texts = [
        f"{mark} {SAME}\n{one}\n{mark} {OWN}\n{each}"
        for mark, one, each in zip(("--", "//", "#"), same, own, strict=True)
    ]
    return Fix(*texts)


def _returns(spans: Sequence[Span]) -> bool:
    """Whether the application asks for the written rows in the answer."""
    return any(span.size > NOTHING for span in spans)
