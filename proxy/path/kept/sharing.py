"""Decides which relations have kept answers that all identities share (``cache.shared``), and who gets these.

Source: docs/explanation/cache.md#shared-answers.
"""

from collections.abc import Mapping

import msgspec

from proxy.bounded_table import BoundedTable

LONGEST_UNSEEN = 5.0
"""Seconds after which what is known of policies, grants and roles is not relied on any more."""
ADMITTED = 600.0
"""Seconds for which an identity gets shared answers to a request to which PostgREST gave it the same answer."""
DIFFERED = 3600.0
"""Seconds in which a relation is not shared after two identities had different answers."""
MAX_ADMITTED, MAX_ADMITTED_BYTES = 20_000, 8_000_000
UNREAD = "policies, grants and roles could not be read in the last 5 s (db_uri)"
UNKNOWN = "the catalog has no such relation"
DIFFER = "two identities had different answers"


class AccessFacts(msgspec.Struct, frozen=True):
    """What decides who may read what, as the catalog has it."""

    fingerprint: str
    """Changes with every policy, grant, role and membership."""
    refusals: Mapping[str, str]
    """By ``schema.relation``: why its answers may depend on who asks; empty if they do not."""


class Sharing:
    """What is known of the relations that the operator declares to be the same for all, and who was admitted."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        """By relation, why it was not shared when it was last read; relations of ``cache.shared`` only."""
        self._facts: AccessFacts | None = None
        self._read = float("-inf")
        self._differed: dict[str, float] = {}
        self._admitted: BoundedTable[bytes, float] = BoundedTable(MAX_ADMITTED, MAX_ADMITTED_BYTES)

    def apply(self, facts: AccessFacts, read: float) -> bool:
        """Use facts that were asked for at ``read``. Whether they differ from the last ones: then nobody is admitted
        any more.
        """
        changed = self._facts is None or facts != self._facts
        if changed:
            self.clear()
        self._facts, self._read = facts, read
        return changed

    def clear(self) -> None:
        """Nobody is admitted any more, and no relation is known to differ."""
        self._admitted.clear()
        self._differed.clear()

    def why_not(self, relation: str, now: float) -> str:
        """Why the answers to reads of a relation are not shared; empty if they are."""
        reason = self._why_not(relation, now)
        if reason:
            self.refused[relation] = reason
        else:
            self.refused.pop(relation, None)
        return reason

    def _why_not(self, relation: str, now: float) -> str:
        if self._facts is None or now - self._read > LONGEST_UNSEEN:
            return UNREAD
        if now < self._differed.get(relation, 0.0):
            return DIFFER
        return self._facts.refusals.get(relation, UNKNOWN)

    def is_admitted(self, request: bytes, now: float) -> bool:
        """Whether the identity of a request, given by the key of both, gets the shared answer."""
        return now < (self._admitted.get(request) or 0.0)

    def admit(self, request: bytes, now: float, until: float) -> None:
        """PostgREST gave it the answer that is shared; its token is valid ``until`` then."""
        self._admitted.put(request, min(until, now + ADMITTED), len(request))

    def expel(self, request: bytes) -> None:
        """PostgREST gave it another answer."""
        self._admitted.pop(request)

    def differ(self, relation: str, now: float) -> None:
        """Two identities had different answers."""
        self._differed[relation] = now + DIFFERED
        self.refused[relation] = DIFFER
