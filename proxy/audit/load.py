"""What the observed requests for the object of a finding cost."""

from collections import Counter
from collections.abc import Sequence

from proxy.analysis.workload import Workload
from proxy.audit.database import usages_of
from proxy.audit.report import ObservedLoad
from proxy.findings.model import Finding

SECOND = 1 / 3600
"""Of an hour: the shortest time for which there are rates."""


def observed_load(finding: Finding, workload: Workload, schemas: Sequence[str], hours: float) -> ObservedLoad:
    """The sums over the requests for its table; rates are per hour of the ``hours`` in which requests were observed."""
    usages = usages_of(finding, workload, schemas)
    routes: Counter[str] = Counter()
    for usage in usages:
        routes.update(usage.routes)
    hours = max(hours, SECOND)
    calls, seconds = sum(usage.calls for usage in usages), sum(usage.seconds for usage in usages)
    return ObservedLoad(
        calls=calls,
        calls_per_hour=round(calls / hours, 1),
        ms_per_hour=round(1000 * seconds / hours, 1),
        rows=sum(usage.rows for usage in usages),
        bytes=sum(usage.size for usage in usages),
        routes=tuple(sorted(routes, key=lambda route: (-routes[route], route))),
        callers=tuple(sorted({usage.caller for usage in usages if usage.caller})),
    )
