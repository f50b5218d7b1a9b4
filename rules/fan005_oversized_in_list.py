"""FAN005 oversized-in-list: one ``in.(…)`` with more values than a URL can carry.

What it does
------------
Finds reads whose list makes the request head longer than upstream accepts (``rules.oversized_in_list.head_bytes``;
PostgREST: 51,202 bytes, about 1,300 UUIDs) and that upstream rejected for that reason: with 400 above that size, with
414 or 431 at any size. At level ``rewrite`` fanin splits such a list into parts, sends them in parallel and answers
with all their rows. It reports those reads too, because the list keeps growing.

It also finds reads that upstream answered, if their request head is longer than
``rules.oversized_in_list.answer_head_bytes``: PostgREST repeats the list in the Content-Location of its answer, and
Node's HTTP client fails on an answer with a head of more than 16 kB (``UND_ERR_HEADERS_OVERFLOW``).

Why it hurts
------------
The list grows with the data. The read works while the list is short, and then always fails, first for the customers
with the most rows. Gateways and load balancers in between often accept no more than 8 kB, which is 200 UUIDs.

Example
-------
::

    GET /videos?select=*&id=in.(10001,10002,…,30000)

Use instead
-----------
::

    GET /videos?select=*&id=in.(10001,10002,…,10200)
    GET /videos?select=*&id=in.(10201,10202,…,10400)

and so on, or a function that takes the list as an array: the body of an RPC has no such limit.

Safety
------
Unsafe: each part is read in its own snapshot, so a row that changes in the meantime may be missing or appear twice;
PostgREST alone would have read all rows in one snapshot. The answer has no Content-Location. fanin splits a list only
if all its values are canonical integers or UUIDs, the request asks for nothing that concerns all rows (limit, offset,
count, one object), and its order, if any, is by the column of the list. If a part fails, or it is not certain that all
parts are complete and in order, fanin passes on upstream's own error.
"""

from collections.abc import Iterator, Sequence

from pydantic import ConfigDict, Field

from proxy.analysis.fingerprint import ParsedFingerprint, key_filter, parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, succeeded
from proxy.findings.model import Finding, Fix
from proxy.fixes.loops.batch_code import batch_name
from proxy.fixes.loops.key_code import MOST_KEYS
from proxy.fixes.reads.chunk_code import chunk_fix, list_calls
from proxy.model import Outcome, Span, Trace
from proxy.settings_base import NO_OVERRIDE, Count, Thresholds
from proxy.text.counted import counted


class OversizedInList(Thresholds):
    model_config = ConfigDict(json_schema_extra=NO_OVERRIDE)
    table = "oversized_in_list"

    head_bytes: Count = Field(
        51_202,
        description="FAN005: maximum bytes of a request head that upstream accepts; the default is PostgREST's limit.",
    )
    answer_head_bytes: Count = Field(
        16_384,
        description="FAN005: maximum bytes of a request head with a list that upstream answers. The answer repeats the "
        "list in its head; the default is the limit of Node's HTTP client.",
    )
    concurrent_chunks: Count = Field(4, description="FAN005: maximum parts of one list in flight at the same time.")
    concurrent_lists: Count = Field(
        4, description="FAN005: maximum lists that are split at the same time; further ones wait."
    )


TOO_LONG = frozenset((414, 431))
"""Statuses with no other meaning: URI Too Long, Request Header Fields Too Large (RFC 9110, RFC 6585)."""


REPEATED = "upstream answered, and repeated the list in Content-Location: Node's HTTP client fails on such an answer"


@InSteps
def detect(trace: Trace, context: RuleContext[OversizedInList]) -> Iterator[Finding | None]:
    """One finding per fingerprint whose list was too long in ``trace``."""
    oversized = [span for span in trace.spans if span.listed and _is_oversized(span, context.thresholds)]
    for spans in by_fingerprint(oversized).values():
        yield None
        yield _finding(trace, spans, context)


RULE = Rule(
    code="FAN005",
    name="oversized-in-list",
    safety="unsafe",
    document=__doc__,
    thresholds=OversizedInList,
    can_rewrite=True,
    detect=detect,
)


def _is_oversized(span: Span, bounds: OversizedInList) -> bool:
    if span.method != "GET" or not span.relation:
        return False
    refused = span.status in TOO_LONG or (span.status == 400 and span.head_size > bounds.head_bytes)
    return refused or span.outcome is Outcome.CHUNKED or _is_repeated(span, bounds)


def _is_repeated(span: Span, bounds: OversizedInList) -> bool:
    """Whether upstream answered with a list in the answer's head that Node's client refuses; an answer to a list that
    was read in parts does not have it.
    """
    return succeeded(span) and span.outcome is not Outcome.CHUNKED and span.head_size > bounds.answer_head_bytes


def _finding(trace: Trace, spans: Sequence[Span], context: RuleContext[OversizedInList]) -> Finding:
    largest = max(spans, key=lambda span: span.head_size)
    parsed = parse_fingerprint(largest.fingerprint)
    column, kind = largest.key_types[0]
    failed = [span for span in spans if span.outcome is not Outcome.CHUNKED and not succeeded(span)]
    repeated = [span for span in spans if _is_repeated(span, context.thresholds)]
    return Finding(
        code=RULE.code,
        impact="HIGH" if failed else "MEDIUM",
        confidence="medium" if len(repeated) == len(spans) else "high",
        title=f"{largest.listed} values of {column} in one URL of {parsed.name}",
        relation=largest.relation,
        fingerprint=largest.fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The list of {column} is part of the URL and grows with the data; upstream accepts request heads of"
        f" up to {context.thresholds.head_bytes} bytes.",
        current=_current(spans, len(failed), len(repeated)),
        evidence=(
            f"a list of about {largest.listed} values in a request head of {largest.head_size} bytes",
            *({f"upstream answered {span.status}" for span in failed}),
            *[REPEATED for _ in repeated[:1]],
        ),
        fix=_fix(parsed, column, kind),
        expected=_expected(largest, batch_name(parsed.relation, column), context),
        risk="The chunks are read at different moments: some may include a concurrent write and others not. The array"
        " is read in one statement.",
    )


def _fix(parsed: ParsedFingerprint, column: str, kind: str) -> Fix:
    key = key_filter(parsed, column)
    if key is None:
        return Fix(reason=f"No fix: {column} is not the column of a plain list.")
    return chunk_fix(list_calls(parsed, key, kind))


def _current(spans: Sequence[Span], failed: int, repeated: int) -> str:
    chunked = sum(span.parts for span in spans if span.outcome is Outcome.CHUNKED)
    parts = f", the others answered in {chunked} parts" if chunked else ""
    whole = f", {repeated} answered with the list in Content-Location" if repeated else ""
    return f"{counted(len(spans), 'request')}, {failed} refused{whole}{parts}"


def _expected(largest: Span, method: str, context: RuleContext[OversizedInList]) -> str:
    calls = -(-largest.listed // MOST_KEYS)
    parts = -(-largest.head_size // context.thresholds.head_bytes)
    cure = (
        ""
        if context.level == "rewrite"
        else f" rules.fan005 = 'rewrite' answers the request as it is, in about {parts} parts."
    )
    return f"{method}(…) reads them in {calls} calls of {MOST_KEYS}, or in one with an array.{cure}"
