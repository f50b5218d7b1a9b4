"""What ``fanin capture`` prints at its end, when there is no gate: the findings, and where the recording is."""

from collections.abc import Iterator, Sequence

import msgspec

from proxy.findings.model import CountedFinding, worst_first
from proxy.findings.report import finding_lines, heading
from proxy.text.counted import counted
from proxy.text.terminal import safe

MOST_WHOLE = 10
"""Findings that are printed whole; of the others their headings."""


class Traffic(msgspec.Struct, frozen=True):
    """The traffic of a capture, in numbers."""

    requests: int
    outside: int
    traces: int


def report(seen: Sequence[CountedFinding], traffic: Traffic, recording: str, names: Sequence[str]) -> Iterator[str]:
    """The lines. ``names`` are the variables that the command had, for the case that it made no request."""
    findings = worst_first({counted.finding.key: counted.finding for counted in reversed(seen)}.values())
    for finding in findings[:MOST_WHOLE]:
        yield from finding_lines(finding)
    yield from (heading(finding) for finding in findings[MOST_WHOLE:])
    if not traffic.requests:
        yield from nothing_seen(names)
    if traffic.outside:
        yield f"fanin: {counted(traffic.outside, 'request')} outside PostgREST's path: passed on, and not analysed"
    yield (
        f"fanin: {counted(traffic.requests, 'request')} in {counted(traffic.traces, 'trace')}, "
        f"{counted(len(findings), 'finding')}; recording: {safe(recording)}"
    )


def nothing_seen(names: Sequence[str]) -> Iterator[str]:
    """That the command made no request, and what may be the reason."""
    yield (
        f"fanin: no request reached fanin: the command reads the URL from none of {', '.join(map(safe, names))}. "
        "Name its variable with --env NAME, or let it read one of these."
    )
