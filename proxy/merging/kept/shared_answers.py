"""Kept answers that all identities share, where the operator declares that they do not depend on who asks (FAN006).

An identity gets them only after PostgREST has itself given it the same answer to the same request, so that nobody gets
what PostgREST would refuse. Only Authorization may differ: all other headers are compared as for answers of their own.

Tests: tests/e2e/cache/test_shared.py.
"""

import time
from typing import TYPE_CHECKING

from proxy.merging.kept.fills import CachedReads, Fill
from proxy.model import PendingRequest
from proxy.observe.events import Warned
from proxy.path.evidence.comparison import ComparedAnswer, Exemptions, difference
from proxy.path.kept.answer_cache import CachedAnswer
from proxy.path.kept.sharing import UNREAD
from proxy.postgrest.request.token_expiry import token_expiry
from proxy.upstream.state import UpstreamState

if TYPE_CHECKING:
    from proxy.model import Slice


class SharedAnswers:
    """Which key the answer to a read is kept under: that of its identity, or that of all."""

    def __init__(self, state: UpstreamState, reads: CachedReads, usable: float) -> None:
        """``usable``: seconds for which an answer is used."""
        self._state = state
        self._usable = usable
        self._reads = reads
        self._sharing = reads.sharing
        self._exemptions = Exemptions(state.context.gateway)
        self._warned: set[tuple[str, str]] = set()

    def key_of(self, request: PendingRequest, own: bytes, now: float) -> bytes:
        """The key under which the answer to ``request`` is looked up; ``own`` is that of its identity."""
        if self._may_share(request, now) and self._sharing.is_admitted(own, now):
            return self._reads.shared_key_of(request)
        return own

    def keep(self, fill: Fill, entry: CachedAnswer, now: float) -> None:
        """An answer of one identity was kept: from now on it shares, if the shared answer is the same."""
        request = fill.request
        if not self._may_share(request, now):
            return
        key, answers = self._reads.shared_key_of(request), self._reads.answers
        shared = answers.peek(key)
        if shared is not None and self._is_used(shared, now) and self._differs(shared, entry):
            self._differ(request.query.relation, now)
            return
        until = now + token_expiry(request.head.forwarded_lines) - time.time()
        self._sharing.admit(fill.key, now, until)
        answers.move(fill.key, key, self._state.drops, now)

    def reject(self, fill: Fill) -> None:
        """PostgREST gave an identity that shares another answer than one that is kept."""
        self._sharing.expel(fill.own_key)

    def _may_share(self, request: PendingRequest, now: float) -> bool:
        relation = request.query.relation
        reason = self._sharing.why_not(relation, now)
        if reason:
            self._warn(relation, reason)
            return False
        return self._state.relations_read(request) is not None

    def _is_used(self, shared: CachedAnswer, now: float) -> bool:
        return shared.is_usable(self._usable, now) and shared.is_current(self._state.drops, now)

    def _differs(self, shared: CachedAnswer, entry: CachedAnswer) -> bool:
        return difference(_compared(shared.slice), _compared(entry.slice), self._exemptions) != ""

    def _differ(self, relation: str, now: float) -> None:
        self._sharing.differ(relation, now)
        self._reads.forget(relation)
        self._warn(relation, self._sharing.why_not(relation, now))

    def _warn(self, relation: str, reason: str) -> None:
        """Warn once per relation and reason. The relations are those that the settings name."""
        if reason != UNREAD and (relation, reason) not in self._warned:
            self._warned.add((relation, reason))
            text = f"cache.shared has no effect for {relation}: {reason}"
            remedy = (
                "Remove cache.shared for it, or change what the reason names. Each identity has answers of its own."
            )
            self._state.context.events.emit(Warned(text, remedy))


def _compared(answer: "Slice") -> ComparedAnswer:
    """Without what the cache has added: it is of one request."""
    lines = [line for line in answer.head.split(b"\r\n") if not line.lower().startswith(b"etag: w/")]
    return ComparedAnswer(b"\r\n".join(lines), answer.body)
