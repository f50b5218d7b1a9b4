"""Stores each finding once, with the times of the first and last occurrence, their number and the last trace."""

from collections import OrderedDict
from collections.abc import Iterator

from proxy.findings.ignores import Ignore
from proxy.findings.model import Finding


class StoredFinding:
    """A finding as of its last occurrence; ``first_seen`` and ``last_seen`` are monotonic times in seconds."""

    def __init__(self, finding: Finding, now: float) -> None:
        self.finding = finding
        self.first_seen = now
        self.last_seen = now
        self.count = 0
        self.trace = ""
        """Id of the trace of the last occurrence; empty for a finding about the whole workload."""
        self.ignore: Ignore | None = None
        """The ignore that suppresses it."""


def finding_bytes(finding: Finding) -> int:
    """Estimated bytes in memory of a finding: of its long texts, and 2 kB for all others."""
    fix = finding.fix
    return (
        2_000
        + 2 * len(finding.fingerprint)
        + len(fix.sql)
        + sum(map(len, (fix.supabase_js, fix.supabase_py, fix.settings)))
    )


class FindingStore:
    """At most ``limit`` findings, and ``max_bytes`` bytes, by key; the least recently seen one is evicted."""

    def __init__(self, limit: int, max_bytes: int = 16_000_000) -> None:
        self.dropped = 0
        self.held_bytes = 0
        self._limit = limit
        self._max_bytes = max_bytes
        self._stored: OrderedDict[str, StoredFinding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._stored)

    def __iter__(self) -> Iterator[StoredFinding]:
        """The most recently seen findings come first."""
        return reversed(self._stored.values())

    def add(self, finding: Finding, now: float, trace: str, ignore: Ignore | None = None) -> bool:
        """Store the finding; True if it is new, or was ignored before."""
        stored = self._stored.get(finding.key)
        new = stored is None or stored.ignore is not None
        if stored is None:
            stored = self._stored.setdefault(finding.key, StoredFinding(finding, now))
        else:
            self.held_bytes -= finding_bytes(stored.finding)
        self.held_bytes += finding_bytes(finding)
        self._stored.move_to_end(finding.key)
        stored.finding, stored.last_seen, stored.trace, stored.ignore = finding, now, trace, ignore
        stored.count += 1
        while len(self._stored) > self._limit or (self.held_bytes > self._max_bytes and len(self._stored) > 1):
            _, evicted = self._stored.popitem(last=False)
            self.held_bytes -= finding_bytes(evicted.finding)
            self.dropped += 1
        return new
