"""A finding as text: impact, location, problem, evidence, fix, expected improvement, risk."""

from collections.abc import Iterator, Sequence

from proxy.findings.model import Finding
from proxy.text.terminal import safe

LabelledLines = Sequence[tuple[str, Sequence[str]]]
"""Labels, each with its lines."""


def finding_lines(finding: Finding) -> Iterator[str]:
    """The lines of the report."""
    yield heading(finding)
    yield from _labelled(parts_before_fix(finding))
    for name, _, code in fixes(finding):
        yield f"  Fix ({name})"
        yield from (f"      {line}" for line in code)
    yield from _labelled(parts_after_fix(finding))


def heading(finding: Finding) -> str:
    """Impact, rule and title."""
    return f"[{finding.impact}: {finding.code}] {safe(finding.title)}"


def parts_before_fix(finding: Finding) -> LabelledLines:
    """The parts of the report before the fix."""
    return (
        ("Location", (_location(finding),)),
        ("Current performance", (safe(finding.current),)),
        ("Problem", (safe(finding.problem),)),
        ("Evidence", [safe(evidence) for evidence in finding.evidence]),
    )


def plan_of(line: str) -> str:
    """``before`` or ``after`` for a line of evidence that is one of a plan without or with the fix; else empty."""
    return next((which for which in ("before", "after") if line.startswith(f"{which}: ")), "")


def fixes(finding: Finding) -> Iterator[tuple[str, str, Sequence[str]]]:
    """The fix in each language that has one: display name, Markdown fence name, lines."""
    for name, fence, code in (
        ("SQL", "sql", finding.fix.sql),
        ("supabase-js", "js", finding.fix.supabase_js),
        ("supabase-py", "python", finding.fix.supabase_py),
        ("fanin.toml", "toml", finding.fix.settings),
    ):
        if code:
            lines = code.rstrip().split("\n")  # not splitlines(): it also splits at other characters, such as U+2028
            yield name, fence, [safe(line) for line in lines]


def parts_after_fix(finding: Finding) -> LabelledLines:
    """The parts of the report after the fix."""
    reason = finding.fix.reason
    return (
        *((("No fix", (safe(reason),)),) if reason else ()),
        ("Expected improvement", (safe(finding.expected),)),
        ("Risk", (safe(finding.risk),)),
        ("Mute with", (safe(finding.key),)),
    )


def _labelled(parts: LabelledLines) -> Iterator[str]:
    for label, lines in parts:
        for at, line in enumerate(lines):
            yield f"  {'' if at else label:<21} {line}"


def _location(finding: Finding) -> str:
    named = (
        ("", _object(finding)),
        ("", finding.fingerprint),
        ("route ", finding.route),
        ("called from ", finding.caller),
    )
    return ", ".join(f"{what}{safe(name)}" for what, name in named if name)


def _object(finding: Finding) -> str:
    """Kind and full name of the object of the database; empty for a finding about requests."""
    about = finding.object
    if about is None:
        return ""
    return f"{about.kind} {'.'.join(filter(None, (about.schema, about.table, about.name)))}"
