"""Decides which names may be shown: those that PostgREST has accepted as names of relations and columns.

Until PostgREST has answered a query successfully, the text in place of a name may be anything, for example a token
that was sent without its parameter name.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from proxy.analysis.spans import function_call, has_confirmed_names
from proxy.findings.model import Finding
from proxy.model import Span

MAX_NAMES = 5_000
"""Maximum number of fingerprints and relations; the least recently seen ones are removed."""
MAX_CHARS = 4_000_000
"""Maximum characters of all of them."""
STEP = 200
"""Spans between two steps: less than a millisecond."""
HIDDEN = "…"
_RELATION_PREFIX = "relation "
"""Distinguishes relations from fingerprints, which begin with a method."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Methods that may be shown; the text of any other method may be anything."""


class ConfirmedNames:
    """Fingerprints and relations of recent requests that were answered with a 2xx."""

    def __init__(self, most: int = MAX_NAMES, everything: bool = False) -> None:
        """``everything``: all names may be shown, because the operator set ``show_values``."""
        self._most = most
        self._everything = everything
        self._confirmed: OrderedDict[str, None] = OrderedDict()
        self._chars = 0

    def learn(self, spans: Sequence[Span]) -> None:
        for _ in self.learn_in_steps(spans):
            pass

    def learn_in_steps(self, spans: Sequence[Span]) -> Iterator[None]:
        """Same as ``learn``, in steps of ``STEP`` spans."""
        last: dict[tuple[str, str, str], Span] = {}
        for number, span in enumerate(reversed(spans), 1):
            names = span.fingerprint, span.relation, span.function
            if names not in last and has_confirmed_names(span):
                last[names] = span
            if number % STEP == 0:
                yield
        for number, span in enumerate(reversed(last.values()), 1):
            if number % STEP == 0:
                yield
            self._confirm(span.fingerprint)
            if span.function:
                self._confirm(function_call(span))
            if span.relation:
                self._confirm(_relation(span))
                self._confirm(_RELATION_PREFIX + span.relation)
        while len(self._confirmed) > self._most or self._chars > MAX_CHARS:
            removed, _ = self._confirmed.popitem(last=False)
            self._chars -= len(removed)

    def fingerprint_of(self, span: Span) -> str:
        """The fingerprint of ``span``, with the parts hidden that may not be shown."""
        if self.may_show(span.fingerprint):
            return span.fingerprint
        relation = _relation(span)
        if relation in self._confirmed:
            return f"{relation}?{HIDDEN}"
        return f"{span.method if span.method in METHODS else 'other'} {HIDDEN}"

    def may_show(self, fingerprint: str) -> bool:
        """Whether the fingerprint may be shown unchanged."""
        return self._everything or fingerprint in self._confirmed

    def shown_relation(self, name: str) -> str:
        """The relation, or ``HIDDEN`` if it may not be shown: its schema comes from a header, and may be anything."""
        return name if self._everything or not name or _RELATION_PREFIX + name in self._confirmed else HIDDEN

    def shown_findings(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings of which all names may be shown. Every output that shows findings gets them from here."""
        return [finding for finding in findings if self._may_show_finding(finding)]

    def _may_show_finding(self, finding: Finding) -> bool:
        quoted = (finding.fingerprint, *finding.queries) if finding.fingerprint else finding.queries
        return all(map(self.may_show, quoted)) and self.shown_relation(finding.relation) == finding.relation

    def _confirm(self, name: str) -> None:
        if name in self._confirmed:
            self._confirmed.move_to_end(name)
        else:
            self._confirmed[name] = None
            self._chars += len(name)


def _relation(span: Span) -> str:
    return span.fingerprint.partition("?")[0]
