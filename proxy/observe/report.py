"""A finding as text, in the format of the field: impact, location, problem, evidence, fix, gain, risk."""

from collections.abc import Iterator

from proxy.findings import Finding
from proxy.observe.text import safe


def finding_lines(finding: Finding) -> Iterator[str]:
    """The finding, line by line."""
    yield f"[{finding.impact}: {finding.code}] {safe(finding.title)}"
    yield f"  Location              {_location(finding)}"
    yield f"  Current performance   {safe(finding.current)}"
    yield f"  Problem               {safe(finding.problem)}"
    for at, evidence in enumerate(finding.evidence):
        yield f"  {'Evidence' if not at else '':<21} {safe(evidence)}"
    for name, code in (
        ("SQL", finding.fix.sql),
        ("supabase-js", finding.fix.supabase_js),
        ("supabase-py", finding.fix.supabase_py),
    ):
        yield f"  Fix ({name})"
        for line in code.rstrip().split("\n"):  # and at nothing else that could be a line's end
            yield f"      {safe(line)}"
    yield f"  Expected improvement  {safe(finding.expected)}"
    yield f"  Risk                  {safe(finding.risk)}"
    yield f"  Mute with             {safe(finding.key)}"


def _location(finding: Finding) -> str:
    route = f", route {safe(finding.route)}" if finding.route else ""
    caller = f", called from {safe(finding.caller)}" if finding.caller else ""
    return f"{safe(finding.fingerprint)}{route}{caller}"
