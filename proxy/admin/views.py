"""JSON of the API for closed traces. Durations are milliseconds; moments are seconds since 1970.

Only ``target`` and ``curl`` of a span may contain values, and only with the setting `show_values`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from proxy.admin.json_stream import Pieces, array, members, object_of
from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.spans import asked_of_postgrest, count_queries, group_by
from proxy.errors.codes import BYPASS_REASONS, FALLBACK_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.errors.words import NEVER_MERGED
from proxy.findings.model import Finding
from proxy.fixes.clients.curl import curl, curl_of_request
from proxy.fixes.reads.read_code import call_js
from proxy.model import Outcome, Span, Trace
from proxy.observe.confirmed_names import METHODS, ConfirmedNames
from proxy.traces.store import StoredTrace

RELATIONS = 20
"""Maximum number of relations of one trace in the list."""


class FindingMark(msgspec.Struct, frozen=True):
    """Code and impact of a finding."""

    code: str
    impact: str


class TraceSummary(msgspec.Struct, frozen=True):
    """One row of the list of traces. ``saved`` is the number of requests without an upstream call of their own."""

    number: int
    id: str
    part: int
    kind: str
    truncated: bool
    route: str
    ended: float
    ms: float
    requests: int
    queries: int
    """Requests for PostgREST, without preflights and retries of the client."""
    calls: int
    saved: int
    failed: int
    relations: tuple[str, ...]
    outcomes: dict[str, int]
    bypass_reasons: dict[str, int]
    fallback_reasons: dict[str, int]
    findings: tuple[FindingMark, ...]


class SpanView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request; ``start`` is relative to its trace, ``upstream`` is the part of ``ms`` that upstream took."""

    number: int
    method: str
    relation: str
    fingerprint: str
    start: float
    ms: float
    upstream: float
    status: int
    bytes: int
    rows: int
    outcome: str
    call: int
    shared: int
    caller: str = ""
    retry: bool = False
    bypass_reason: str = ""
    missed: bool = False
    """Whether somebody would want it merged: it was not, and it is a read that occurs several times in its trace."""
    fallback_reason: str = ""
    target: str = ""
    curl: str = ""


class CallView(msgspec.Struct, frozen=True):
    """An upstream call, or a chunked answer with ``parts`` calls, computed from the spans that it answered."""

    call: int
    start: float
    ms: float
    parts: int
    spans: tuple[int, ...]


class ReasonView(msgspec.Struct, frozen=True):
    """A bypass or fallback reason with its number of requests and its remedy."""

    reason: str
    count: int
    why: str
    remedy: str


class ClientCode(msgspec.Struct, frozen=True):
    """Code of a query to copy; empty without a relation."""

    curl: str
    supabase_js: str


class FindingView(msgspec.Struct, frozen=True):
    """A finding with its key for ``[[ignore]]``."""

    key: str
    finding: Finding


def summary_of(entry: StoredTrace, names: ConfirmedNames) -> TraceSummary:
    """The row of a trace in the list; ``names`` decides which names may be shown."""
    trace = entry.trace
    spans, asked = trace.spans, asked_of_postgrest(trace)
    answered = sum(1 for span in asked.spans if span.call)
    relations = dict.fromkeys(names.shown_relation(span.relation) for span in spans if span.relation)
    return TraceSummary(
        number=entry.number,
        id=trace.id,
        part=trace.part,
        kind=trace.kind,
        truncated=trace.truncated,
        route=trace.route,
        ended=entry.ended,
        ms=_ms(trace.end - trace.start),
        requests=len(spans),
        queries=count_queries(spans),
        calls=asked.calls,
        saved=max(0, answered - asked.calls),
        failed=sum(1 for span in spans if not 0 < span.status < 400),
        relations=tuple(relations)[:RELATIONS],
        outcomes=dict(Counter(span.outcome.value for span in spans)),
        bypass_reasons=dict(Counter(span.bypass_reason for span in spans if span.bypass_reason)),
        fallback_reasons=dict(Counter(span.fallback_reason for span in spans if span.fallback_reason)),
        findings=tuple(FindingMark(finding.code, finding.impact) for finding in names.shown_findings(entry.findings)),
    )


def detail_of(entry: StoredTrace, names: ConfirmedNames, base: str, origin: str) -> Pieces:
    """JSON of the parts of a trace that may be shown; ``code`` is by fingerprint. ``reasons`` are bypass reasons of
    requests that somebody would want merged, ``passed`` those of the others.

    ``base`` is the URL of PostgREST for clients, with the mount; ``origin`` the same without it, to put before targets.
    """
    spans = sorted(entry.trace.spans, key=lambda span: span.start)
    repeated = _repeated(spans)
    missed = [span.bypass_reason or "" for span in spans if _is_missed(span, repeated)]
    passed = [span.bypass_reason or "" for span in spans if not _is_missed(span, repeated)]
    relations = {
        span.fingerprint: span.relation
        for span in spans
        if names.may_show(span.fingerprint) and names.shown_relation(span.relation) == span.relation
    }
    return object_of(
        {
            "summary": summary_of(entry, names),
            "spans": array(_span(span, names, entry.trace.start, origin, repeated) for span in spans),
            "calls": array(_calls(spans, entry.trace)),
            "reasons": _reasons(missed, BYPASS_REASONS, BYPASS_REMEDIES),
            "passed": _reasons(passed, BYPASS_REASONS, BYPASS_REMEDIES),
            "fallbacks": _reasons((span.fallback_reason for span in spans), FALLBACK_REASONS, FALLBACK_REMEDIES),
            "findings": array(FindingView(finding.key, finding) for finding in names.shown_findings(entry.findings)),
            "code": members((fingerprint, code_of(fingerprint, name, base)) for fingerprint, name in relations.items()),
        }
    )


def _repeated(spans: Sequence[Span]) -> set[str]:
    """The fingerprints of reads that occur several times: somebody may want these merged."""
    counts = Counter(span.fingerprint for span in spans if span.bypass_reason not in NEVER_MERGED)
    return {fingerprint for fingerprint, count in counts.items() if count > 1}


def _is_missed(span: Span, repeated: set[str]) -> bool:
    """Whether somebody would want the request merged, and it was not."""
    return span.bypass_reason not in (None, *NEVER_MERGED) and span.fingerprint in repeated


def _reasons(reasons: Iterable[str], texts: Mapping[str, str], remedies: Mapping[str, str]) -> tuple[ReasonView, ...]:
    """The reasons, the most frequent one first."""
    return tuple(
        ReasonView(reason, count, texts.get(reason, ""), remedies.get(reason, ""))
        for reason, count in Counter(filter(None, reasons)).most_common()
    )


def code_of(fingerprint: str, relation: str, base: str) -> ClientCode:
    """Code for a fingerprint, with placeholders for values."""
    if not relation:
        return ClientCode("", "")
    return ClientCode(curl(fingerprint, relation, base), call_js(parse_fingerprint(fingerprint)))


def _span(span: Span, names: ConfirmedNames, start: float, origin: str, repeated: set[str]) -> SpanView:
    exact = curl_of_request(span.method, span.target, span.relation, span.fingerprint, origin) if span.target else ""
    return SpanView(
        number=span.number,
        method=span.method if span.method in METHODS else "other",
        relation=names.shown_relation(span.relation),
        fingerprint=names.fingerprint_of(span),
        start=_ms(span.start - start),
        ms=_ms(span.end - span.start),
        upstream=_ms(span.upstream),
        status=span.status,
        bytes=span.size,
        rows=span.rows,
        outcome=span.outcome.value,
        call=span.call,
        shared=span.shared,
        caller=span.caller,
        retry=span.retry,
        bypass_reason=span.bypass_reason or "",
        missed=_is_missed(span, repeated),
        fallback_reason=span.fallback_reason,
        target=span.target,
        curl=exact,
    )


def _calls(spans: Sequence[Span], trace: Trace) -> Iterator[CallView]:
    """The upstream calls in the order of their first spans, with those that waited for them."""
    waited = (span for span in spans if span.call and span.outcome is not Outcome.PREFETCHED)
    by_call = group_by(waited, lambda span: span.call)
    return (_call(call, answered, trace.start) for call, answered in by_call.items())


def _call(call: int, answered: Sequence[Span], start: float) -> CallView:
    """The call that answered the spans. After a merged call all spans end, so the first end is the end of the call."""
    seconds = max(span.upstream for span in answered)
    merged = any(span.outcome is Outcome.MERGED for span in answered)
    end = (min if merged else max)(span.end for span in answered)
    numbers = tuple(span.number for span in answered)
    parts = max(span.parts for span in answered)
    return CallView(call, max(0.0, _ms(end - seconds - start)), _ms(seconds), parts, numbers)


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
