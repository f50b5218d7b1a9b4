"""JSON of the API for fingerprints, findings and rules; units as in ``views``."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from proxy.admin.views import code_of
from proxy.analysis.rule import AnyRule
from proxy.analysis.workload import Usage
from proxy.findings.ignores import Ignore
from proxy.findings.model import Finding
from proxy.observe.confirmed_names import ConfirmedNames


class FindingHistory(Protocol):
    """A finding with its number of occurrences and the monotonic times of the first and the last, in seconds."""

    finding: Finding
    first_seen: float
    last_seen: float
    count: int
    trace: str
    ignore: Ignore | None


class UsageView(msgspec.Struct, frozen=True):
    """One fingerprint. ``error``: maximum number of calls not counted before it was tracked; ``merged``: requests."""

    fingerprint: str
    relation: str
    method: str
    calls: int
    error: int
    merged: int
    failed: int
    traces: int
    p50: float
    p95: float
    total: float
    rows: int
    most_rows: int
    bytes: int
    largest: int
    first: float
    last: float
    routes: tuple[str, ...]
    caller: str
    curl: str
    supabase_js: str


class IgnoreView(msgspec.Struct, frozen=True):
    """The ignore that suppresses a finding."""

    reason: str
    owner: str
    until: str


class StoredFindingView(msgspec.Struct, frozen=True):
    """A stored finding. ``trace`` is the id of its last trace; empty for a finding about the whole workload."""

    key: str
    finding: Finding
    first: float
    last: float
    count: int
    trace: str
    ignored: IgnoreView | None


class RuleView(msgspec.Struct, frozen=True):
    """A rule with its document."""

    code: str
    name: str
    safety: str
    level: str
    document: str


def usage_views(usages: Sequence[Usage], names: ConfirmedNames, base: str, epoch: float) -> Iterator[UsageView]:
    """The fingerprints with the most calls first. Monotonic time plus ``epoch`` is seconds since 1970."""
    ordered = sorted(usages, key=lambda usage: usage.calls, reverse=True)
    return (_usage(usage, names, base, epoch) for usage in ordered)


def stored_finding_views(findings: Iterable[FindingHistory], epoch: float) -> Iterator[StoredFindingView]:
    """The findings in the given order."""
    return (
        StoredFindingView(
            stored.finding.key,
            stored.finding,
            stored.first_seen + epoch,
            stored.last_seen + epoch,
            stored.count,
            stored.trace,
            _ignored(stored),
        )
        for stored in findings
    )


def rule_view(rule: AnyRule, level: str) -> RuleView:
    """A rule with its configured level."""
    return RuleView(rule.code, rule.name, rule.safety, level, rule.document)


def _ignored(stored: FindingHistory) -> IgnoreView | None:
    ignore = stored.ignore
    if ignore is None:
        return None
    return IgnoreView(ignore.reason, ignore.owner, ignore.until.isoformat() if ignore.until else "")


def _usage(usage: Usage, names: ConfirmedNames, base: str, epoch: float) -> UsageView:
    relation = names.shown_relation(usage.relation)
    code = code_of(usage.fingerprint, relation if relation == usage.relation else "", base)
    return UsageView(
        fingerprint=usage.fingerprint,
        relation=relation,
        method=usage.method,
        calls=usage.calls,
        error=usage.error,
        merged=usage.merged,
        failed=usage.failed,
        traces=usage.traces,
        p50=round(1000 * usage.quantile(0.5), 1),
        p95=round(1000 * usage.quantile(0.95), 1),
        total=round(1000 * usage.seconds, 1),
        rows=usage.rows,
        most_rows=usage.most_rows,
        bytes=usage.size,
        largest=usage.largest,
        first=usage.first_start + epoch,
        last=usage.last_end + epoch,
        routes=tuple(dict(usage.routes)),
        caller=usage.caller,
        curl=code.curl,
        supabase_js=code.supabase_js,
    )
