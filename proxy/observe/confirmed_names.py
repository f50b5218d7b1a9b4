"""Which names may be shown: those that upstream has taken for names.

What stands in the place of a relation or a column may be anything, a token that lost its parameter for one, until
upstream has answered a query with it.
"""

from collections import OrderedDict
from collections.abc import Sequence

from proxy.findings.model import Finding
from proxy.model import Span

MOST = 5_000
"""Fingerprints, and relations, remembered; those not seen for longest are forgotten."""
HIDDEN = "…"
_NAMED = "relation "
"""No method is written so: what begins with it is no fingerprint."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Every other one may be anything."""
READ_BY = {"columns=": ("POST", "PATCH", "PUT"), "on_conflict=": ("POST",)}
"""Parameters that PostgREST reads in these methods only; in others they may be anything."""


class ConfirmedNames:
    """Fingerprints and relations that were answered with a 2xx, lately."""

    def __init__(self, most: int = MOST, everything: bool = False) -> None:
        """``everything`` is for where the operator wants to see what was written, whatever it is."""
        self._most = most
        self._everything = everything
        self._taken: OrderedDict[str, None] = OrderedDict()

    def learn(self, spans: Sequence[Span]) -> None:
        last: dict[tuple[str, str], Span] = {}
        for span in reversed(spans):
            if (span.fingerprint, span.relation) not in last and is_confirmed(span):
                last[span.fingerprint, span.relation] = span
        for span in reversed(last.values()):
            self._keep(span.fingerprint)
            if span.relation:
                self._keep(_relation(span))
                self._keep(_NAMED + span.relation)

    def of(self, span: Span) -> str:
        """Its fingerprint, as far as it may be shown."""
        if self.has(span.fingerprint):
            return span.fingerprint
        relation = _relation(span)
        if relation in self._taken:
            return f"{relation}?{HIDDEN}"
        return f"{span.method if span.method in METHODS else 'other'} {HIDDEN}"

    def has(self, fingerprint: str) -> bool:
        """Whether it may be shown as it is."""
        return self._everything or fingerprint in self._taken

    def relation(self, name: str) -> str:
        """A relation as far as it may be shown: its schema is what a header said."""
        return name if self._everything or not name or _NAMED + name in self._taken else HIDDEN

    def shown(self, findings: Sequence[Finding]) -> list[Finding]:
        """Those that are on queries that may be shown, or on none."""
        return [finding for finding in findings if not finding.fingerprint or self._knows(finding)]

    def _knows(self, finding: Finding) -> bool:
        return self.has(finding.fingerprint) and self.relation(finding.relation) == finding.relation

    def _keep(self, name: str) -> None:
        self._taken[name] = None
        self._taken.move_to_end(name)
        if len(self._taken) > self._most:
            self._taken.popitem(last=False)


def is_confirmed(span: Span) -> bool:
    """Whether upstream read the names of ``span``. A preflight is answered whatever they are; an over-long list is
    refused for its length, and is shown, since that is what it takes to mend it.
    """
    if any(name in span.fingerprint and span.method not in methods for name, methods in READ_BY.items()):
        return False
    return (200 <= span.status < 300 and span.method != "OPTIONS") or span.listed > 0


def _relation(span: Span) -> str:
    return span.fingerprint.partition("?")[0]
