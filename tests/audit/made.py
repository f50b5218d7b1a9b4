"""Reports for the tests of the formats: something in every place, whatever it is called."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.audit import advisor, workload
from proxy.audit.report import FORMAT, Report
from proxy.audit.workload import Part
from proxy.check.work import works
from proxy.findings import Seen
from proxy.sections import Ignore
from proxy.workload import Workload
from tests.check.made import FAN_OUT, finding

PLAIN = "videos"


def report(name: str) -> Report:
    """A report in which everything that clients can say is ``name``; an unnamed trace is in it, and an ignore."""
    spans = tuple(replace(one, relation=name, fingerprint=f"GET {name}?id=eq.?") for one in FAN_OUT.spans)
    refused = tuple(replace(one, refusal="range") for one in spans)
    named = replace(FAN_OUT, id=name, route=name, spans=spans)
    loose = replace(FAN_OUT, id="loose", route="", explicit=False, spans=refused)
    seen = [
        Seen(finding(name), name, name, 2, True, 2),
        Seen(replace(finding(name, "FAN003"), impact="LOW"), name, name, 1, False, 1),
        Seen(finding(name, "FAN016"), "", "", 1, True),
    ]
    parts = {name: Part(5.0, "run", (named, loose))}
    counted = Workload(10)
    for trace in (named, loose):
        counted.add(trace)
    measured, found = works(name, (named, loose)), advisor.told(seen, "high")
    return Report(
        format=FORMAT,
        fanin="1.0",
        fail_on="high",
        failed=True,
        traffic=workload.traffic(parts, measured, lambda fingerprint, relation: True),
        findings=tuple(found),
        ignored=tuple(advisor.ignored([(finding(name, "FAN011"), 3, Ignore(rule="FAN011", reason=name, owner=name))])),
        queries=tuple(workload.queries(counted, lambda fingerprint, relation: True)),
        routes=tuple(workload.routes(measured)),
        more_queries=1,
        more_routes=2,
        refusals=tuple(advisor.refusals(workload.spans_of(parts.values()), lambda fingerprint, relation: True)),
        warnings=(f"of {name}",),
    )
