"""A finding as text, in the format of the field: impact, location, problem, evidence, fix, gain, risk."""

from collections.abc import Iterator, Sequence

from proxy.findings.model import Finding
from proxy.text.terminal import safe

LabelledLines = Sequence[tuple[str, Sequence[str]]]
"""What is told, in its order: a label, and the lines beside it."""


def finding_lines(finding: Finding) -> Iterator[str]:
    """The finding, line by line."""
    yield heading(finding)
    yield from _beside(before(finding))
    for name, _, code in fixes(finding):
        yield f"  Fix ({name})"
        yield from (f"      {line}" for line in code)
    yield from _beside(after(finding))


def heading(finding: Finding) -> str:
    """How bad it is, which rule says so, and what it is."""
    return f"[{finding.impact}: {finding.code}] {safe(finding.title)}"


def before(finding: Finding) -> LabelledLines:
    """What is told before the fix."""
    return (
        ("Location", (_location(finding),)),
        ("Current performance", (safe(finding.current),)),
        ("Problem", (safe(finding.problem),)),
        ("Evidence", [safe(evidence) for evidence in finding.evidence]),
    )


def fixes(finding: Finding) -> Iterator[tuple[str, str, Sequence[str]]]:
    """The fix in each language: what we call it, what it is called after a fence, its lines."""
    for name, fence, code in (
        ("SQL", "sql", finding.fix.sql),
        ("supabase-js", "js", finding.fix.supabase_js),
        ("supabase-py", "python", finding.fix.supabase_py),
    ):
        lines = code.rstrip().split("\n")  # and at nothing else that could be a line's end
        yield name, fence, [safe(line) for line in lines]


def after(finding: Finding) -> LabelledLines:
    """What is told after the fix."""
    return (
        ("Expected improvement", (safe(finding.expected),)),
        ("Risk", (safe(finding.risk),)),
        ("Mute with", (safe(finding.key),)),
    )


def _beside(parts: LabelledLines) -> Iterator[str]:
    for label, lines in parts:
        for at, line in enumerate(lines):
            yield f"  {'' if at else label:<21} {line}"


def _location(finding: Finding) -> str:
    named = (("", finding.fingerprint), ("route ", finding.route), ("called from ", finding.caller))
    return ", ".join(f"{what}{safe(name)}" for what, name in named if name)
