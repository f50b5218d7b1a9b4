"""What the API answers beside traces: fingerprints and findings, as JSON has them; units as in ``views``."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from proxy.admin.views import code_of
from proxy.analysis.rule import AnyRule
from proxy.analysis.workload import Usage
from proxy.findings.ignores import Ignore
from proxy.findings.model import Finding
from proxy.observe.confirmed_names import ConfirmedNames


class FindingHistory(Protocol):
    """A finding with when and how often it was made; times are of the clock that runs on."""

    finding: Finding
    first: float
    last: float
    count: int
    trace: str
    ignore: Ignore | None


class UsageView(msgspec.Struct, frozen=True):
    """One fingerprint. ``error`` is how many calls of others its rank may hold; ``merged`` counts requests."""

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
    """Why a finding is told to nobody."""

    reason: str
    owner: str
    until: str


class StoredFindingView(msgspec.Struct, frozen=True):
    """A finding, once. ``trace`` is the last one that it was made in; empty where it is of the whole workload."""

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


def usage_views(usages: Sequence[Usage], names: ConfirmedNames, base: str, epoch: float) -> list[UsageView]:
    """Those with the most calls first. ``epoch`` is what the running clock lacks to seconds since 1970."""
    views = [_usage(usage, names, base, epoch) for usage in usages]
    return sorted(views, key=lambda view: view.calls, reverse=True)


def stored_finding_views(known: Iterable[FindingHistory], epoch: float) -> list[StoredFindingView]:
    """In the order given."""
    return [
        StoredFindingView(
            one.finding.key, one.finding, one.first + epoch, one.last + epoch, one.count, one.trace, _ignored(one)
        )
        for one in known
    ]


def rule_view(rule: AnyRule, level: str) -> RuleView:
    """A rule at its level."""
    return RuleView(rule.code, rule.name, rule.safety, level, rule.document)


def _ignored(known: FindingHistory) -> IgnoreView | None:
    ignore = known.ignore
    if ignore is None:
        return None
    return IgnoreView(ignore.reason, ignore.owner, ignore.until.isoformat() if ignore.until else "")


def _usage(usage: Usage, names: ConfirmedNames, base: str, epoch: float) -> UsageView:
    relation = names.relation(usage.relation)
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
        first=usage.first + epoch,
        last=usage.last + epoch,
        routes=tuple(dict(usage.routes)),
        caller=usage.caller,
        curl=code.curl,
        supabase_js=code.supabase_js,
    )
