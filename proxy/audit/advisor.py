"""What to do about it: findings with how often they were made, and what kept requests from being merged."""

from collections.abc import Iterable, Mapping

from proxy.analysis.spans import grouped
from proxy.audit.report import BypassUsage, IgnoredFinding, ReportedFinding
from proxy.audit.workload import Name, Shown
from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.findings.ignores import Ignore
from proxy.findings.model import CountedFinding, Finding, fails

EXAMPLES = 3
"""Fingerprints that are told with a reason."""


def told(seen: Iterable[CountedFinding], fail_on: str) -> list[ReportedFinding]:
    """Each finding once, the worst first; of one impact those that can fail a build, then the most frequent."""
    found = [_told(same, fail_on) for same in grouped(seen, lambda one: one.finding.key).values()]
    return sorted(found, key=lambda one: (-one.finding.weight, not one.judged, -one.times, one.key))


def _told(same: list[CountedFinding], fail_on: str) -> ReportedFinding:
    """The same finding out of traces that can fail a build, and out of others."""
    first = max(same, key=lambda one: one.gates)
    return ReportedFinding(
        key=first.finding.key,
        times=sum(one.times for one in same),
        traces=sum(one.traces for one in same),
        judged=first.gates,
        fails=first.gates and fails(first.finding, fail_on),
        source=first.source,
        trace=first.trace,
        finding=first.finding,
    )


def ignored(found: Iterable[tuple[Finding, int, Ignore]]) -> list[IgnoredFinding]:
    """What is ignored, with how often it was made; the worst first."""
    groups = grouped(found, lambda one: one[0].key)
    each = [(same[0][0], sum(times for _, times, _ in same), same[0][2]) for same in groups.values()]
    each.sort(key=lambda one: (-one[0].weight, -one[1], one[0].key))
    return [_ignored(*one) for one in each]


def _ignored(finding: Finding, times: int, ignore: Ignore) -> IgnoredFinding:
    return IgnoredFinding(
        key=finding.key,
        times=times,
        reason=ignore.reason,
        owner=ignore.owner,
        until=ignore.until.isoformat() if ignore.until else "",
        finding=finding,
    )


def bypass_reasons(refused: Mapping[tuple[str, Name], int], shown: Shown) -> list[BypassUsage]:
    """What kept requests from being merged, the most frequent first; requests are by reason and what they asked."""
    by_reason = grouped(refused.items(), lambda one: one[0][0])
    found = [_refused(reason, {name: count for (_, name), count in same}, shown) for reason, same in by_reason.items()]
    return sorted(found, key=lambda one: (-one.queries, one.reason))


def _refused(reason: str, asked: Mapping[Name, int], shown: Shown) -> BypassUsage:
    frequent = sorted((name for name in asked if shown(*name)), key=lambda name: (-asked[name], name))
    return BypassUsage(
        reason=reason,
        queries=sum(asked.values()),
        why=BYPASS_REASONS.get(reason, ""),
        remedy=BYPASS_REMEDIES.get(reason, ""),
        fingerprints=tuple(fingerprint for fingerprint, _ in frequent[:EXAMPLES]),
    )
