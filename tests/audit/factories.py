"""Makes reports with every kind of content, in which all names of clients are given."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.audit import advisor, workload
from proxy.audit.completed import completed
from proxy.audit.report import FORMAT, Report, UncheckedItem
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
    "No findings.",
    "No finding is ignored.",
    "There is no route.",
    "No request had a bypass reason.",
)
"""What each format says of an empty report, one sentence for each of its parts."""


def everything(fingerprint: str, relation: str) -> bool:
    """All names may be shown."""
    return True


def report(name: str) -> Report:
    """A report in which everything that clients can say is ``name``; an unnamed trace is in it, and an ignore."""
    spans = tuple(replace(span, relation=name, fingerprint=f"GET {name}?id=eq.?") for span in FAN_OUT.spans)
    bypassed_spans = tuple(replace(span, bypass_reason="range") for span in spans)
    named = replace(FAN_OUT, id=name, route=name, spans=spans)
    loose = replace(FAN_OUT, id="loose", route="", explicit=False, spans=bypassed_spans)
    seen = [
        CountedFinding(finding(name), name, name, 2, True, 2),
        CountedFinding(replace(finding(name, "FAN003"), impact="LOW"), name, name, 1, False, 1),
        CountedFinding(finding(name, "FAN016"), "", "", 1, True),
    ]
    counter = TrafficCounter(10)
    for trace in (named, loose):
        counter.add(name, "run", 5.0, trace)
    made = Report(
        format=FORMAT,
        fanin="1.0",
        fail_on="high",
        failed=True,
        traffic=counter.traffic([name], everything),
        findings=tuple(advisor.reported_findings(seen, "high")),
        ignored=tuple(
            advisor.ignored_findings([(finding(name, "FAN011"), 3, Ignore(rule="FAN011", reason=name, owner=name))])
        ),
        queries=tuple(workload.queries(counter.workload, everything)),
        routes=tuple(workload.routes(counter.costs())),
        more_queries=1,
        more_routes=2,
        bypassed=tuple(advisor.bypass_reasons(counter.bypassed, everything)),
        warnings=(f"of {name}",),
        database=name,
        not_checked=(UncheckedItem("FAN031", name, "USING of the policy could not be parsed", "Check it yourself."),),
    )
    return completed(made)


EMPTY = replace(
    report(PLAIN),
    findings=(),
    ignored=(),
    queries=(),
    routes=(),
    bypassed=(),
    warnings=(),
    monitoring=(),
    hints=(),
    not_checked=(),
    database="",
)
