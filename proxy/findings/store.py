"""What was found, each finding once: when first, when last, how often, and in which trace last."""

from collections import OrderedDict
from collections.abc import Iterator

from proxy.findings.ignores import Ignore
from proxy.findings.model import Finding


class StoredFinding:
    """A finding as it was last made."""

    def __init__(self, finding: Finding, now: float) -> None:
        self.finding = finding
        self.first = now
        self.last = now
        self.count = 0
        self.trace = ""
        """The id of the last trace that it was made in; empty where it is of the workload as a whole."""
        self.ignore: Ignore | None = None
        """Why it is told to nobody."""


class FindingStore:
    """At most ``limit`` findings by their stable keys; the one not seen for longest gives way."""

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._limit = limit
        self._known: OrderedDict[str, StoredFinding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[StoredFinding]:
        """Those seen last come first."""
        return reversed(self._known.values())

    def add(self, finding: Finding, now: float, trace: str, ignore: Ignore | None = None) -> bool:
        """Remember it; True when it is new, or was ignored before."""
        known = self._known.get(finding.key)
        new = known is None or known.ignore is not None
        if known is None:
            known = self._known.setdefault(finding.key, StoredFinding(finding, now))
            if len(self._known) > self._limit:
                self._known.popitem(last=False)
                self.dropped += 1
        self._known.move_to_end(finding.key)
        known.finding, known.last, known.trace, known.ignore = finding, now, trace, ignore
        known.count += 1
        return new
