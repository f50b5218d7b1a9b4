"""What the tools read, at one moment: findings, traces, queries and a report.

Tests: tests/e2e/operations/test_mcp.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from proxy.findings.model import Finding
from proxy.model import Trace
from proxy.observe.confirmed_names import ConfirmedNames


class SeenFinding(msgspec.Struct, frozen=True):
    """A finding, how often it was seen, and the id of its last trace."""

    finding: Finding
    times: int
    trace: str
    ignored: bool


class Snapshot(msgspec.Struct, frozen=True):
    """The traffic that is analysed. All names are those that may be shown, or hidden by ``names``."""

    source: str
    """The admin port, or the files."""
    findings: Sequence[SeenFinding]
    traces: Sequence[Trace]
    queries: Sequence[Mapping[str, Any]]
    """Per fingerprint: the columns of ``UsageView``."""
    report: Mapping[str, Any]
    """The report of ``fanin audit`` as JSON."""
    state: Mapping[str, Any]
    """Of a running fanin: version, mode, whether upstream answers, warnings."""
    names: ConfirmedNames
