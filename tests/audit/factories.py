"""Reports for the tests of the formats: something in every place, whatever it is called."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.audit import advisor, workload
from proxy.audit.report import FORMAT, Report
from proxy.audit.workload import TrafficCounter
from proxy.findings.ignores import Ignore
from proxy.findings.model import CountedFinding
from tests.check.factories import FAN_OUT, finding
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS

PLAIN = "videos"
NAMES = (
    *HOSTILE_NAMES,
    *HOSTILE_TEXTS,
    "a@b.example @team #1 www.hit.example https://hit.example **b** $x$ [a](b)",
    "日本語" * 90,
)
NOTHING = (
    "Nothing was found.",
    "Nothing that was found is ignored.",
    "There is none.",
    "Nothing was refused.",
)
"""What each format says of an empty report, one sentence for each of its parts."""


def everything(fingerprint: str, relation: str) -> bool:
    """All names may be shown."""
    return True


def report(name: str) -> Report:
    """A report in which everything that clients can say is ``name``; an unnamed trace is in it, and an ignore."""
    spans = tuple(replace(one, relation=name, fingerprint=f"GET {name}?id=eq.?") for one in FAN_OUT.spans)
    refused = tuple(replace(one, bypass_reason="range") for one in spans)
    named = replace(FAN_OUT, id=name, route=name, spans=spans)
    loose = replace(FAN_OUT, id="loose", route="", explicit=False, spans=refused)
    seen = [
        CountedFinding(finding(name), name, name, 2, True, 2),
        CountedFinding(replace(finding(name, "FAN003"), impact="LOW"), name, name, 1, False, 1),
        CountedFinding(finding(name, "FAN016"), "", "", 1, True),
    ]
    counted = TrafficCounter(10)
    for trace in (named, loose):
        counted.add(name, "run", 5.0, trace)
    return Report(
        format=FORMAT,
        fanin="1.0",
        fail_on="high",
        failed=True,
        traffic=counted.traffic([name], everything),
        findings=tuple(advisor.told(seen, "high")),
        ignored=tuple(advisor.ignored([(finding(name, "FAN011"), 3, Ignore(rule="FAN011", reason=name, owner=name))])),
        queries=tuple(workload.queries(counted.workload, everything)),
        routes=tuple(workload.routes(counted.works())),
        more_queries=1,
        more_routes=2,
        bypassed=tuple(advisor.bypass_reasons(counted.refused, everything)),
        warnings=(f"of {name}",),
    )


EMPTY = replace(report(PLAIN), findings=(), ignored=(), queries=(), routes=(), bypassed=(), warnings=())
