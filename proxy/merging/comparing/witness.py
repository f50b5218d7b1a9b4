"""Sends the first shared reads of a relation twice, so that a relation which answers equal reads differently is found
before a client gets a copy. After that a sample is sent once more in the background.

Tests: tests/e2e/exactness/test_trust.py.
"""

import secrets
from collections.abc import Callable

from proxy.errors.codes import FaultError
from proxy.merging.comparing.comparer import OVERHEAD, UNPROVEN, ShadowComparer, unfiltered
from proxy.model import FallbackReason, PendingRequest
from proxy.observe.events import Warned
from proxy.path.evidence.comparison import (
    FAILED,
    MATCH,
    MISMATCH,
    SKIPPED,
    UNSTABLE,
    ComparedAnswer,
    Exemptions,
    difference,
    is_sampled,
)
from proxy.path.evidence.trust import NOTHING, Subject
from proxy.settings.model import Settings
from proxy.upstream.calls import CallLabels, UpstreamContext
from proxy.upstream.state import UpstreamState

DRAW = secrets.SystemRandom().random


class Witnesses:
    """Calls beside shared ones: before all as long as their relation is on probation, after a sample of the others."""

    def __init__(
        self,
        settings: Settings,
        state: UpstreamState,
        comparer: ShadowComparer | None,
        draw: Callable[[], float] = DRAW,
    ) -> None:
        """``comparer`` runs what is done in the background; ``draw`` returns a random number from [0, 1)."""
        self._context = state.context
        self._trust = state.trust
        self._max_body = settings.merge.max_body
        self._share = settings.shadow.share
        self._comparer = comparer
        self._draw = draw

    def is_wrong(self, request: PendingRequest) -> bool:
        """Whether equal reads of what ``request`` reads were answered differently."""
        return self._trust.is_wrong(_subject(request).pair)

    def are_needed(self, request: PendingRequest) -> bool:
        """Whether what ``request`` reads is on probation, or was answered differently the last time."""
        subject = _subject(request)
        return self._trust.check(subject, {b"": 1}) is not NOTHING or self._trust.has_differed(subject.pair)

    def why_unproven(
        self, request: PendingRequest, witness: ComparedAnswer | None, other: ComparedAnswer
    ) -> FallbackReason | None:
        """``unproven`` if the two answers differ, or there is only one."""
        return None if witness is not None and self._compare(request, witness, other) == MATCH else UNPROVEN

    async def answer(self, request: PendingRequest) -> ComparedAnswer | None:
        """An answer of its own to ``request``; None if there is none, or it is too large to compare.

        It is awaited before the shared call is sent: a call that holds its place while it waits for another one could
        wait for ever where the pool has one place.
        """
        return await self._fetch(self._context, request, "probation")

    def sample(self, request: PendingRequest, shared: ComparedAnswer) -> None:
        """Compare a sample of the answers that were shared, in the background. No client waits for it."""
        comparer = self._comparer
        if comparer is None or comparer.closed or not is_sampled(self._share, self._draw()):
            return
        size = OVERHEAD + len(shared.body)
        if self._context.pool.has_capacity and comparer.budget.reserve(size):
            comparer.start(self._compare_sampled(comparer, request, shared, size))
        else:
            comparer.count(SKIPPED, 1)

    async def _compare_sampled(
        self, comparer: ShadowComparer, request: PendingRequest, shared: ComparedAnswer, size: int
    ) -> None:
        try:
            witness = await self._fetch(comparer.state.context, request, "shadow")
            comparer.count(FAILED if witness is None else self._compare(request, witness, shared), 1)
        finally:
            comparer.budget.release(size)

    async def _fetch(self, context: UpstreamContext, request: PendingRequest, kind: str) -> ComparedAnswer | None:
        query = request.query
        labels = CallLabels(kind, query.method, query.relation, "FAN003", fingerprint=query.fingerprint)
        original = context.request(query.method, query.target, request.head.forwarded_lines)
        try:
            async with context.call(original, labels) as answer:
                body = await answer.read(self._max_body)
                return None if body is None else unfiltered(answer.line, answer.fields, body)
        except FaultError:
            return None

    def _compare(self, request: PendingRequest, witness: ComparedAnswer, other: ComparedAnswer) -> str:
        """The result: ``mismatch`` if answers differed so often that calls are not shared any more."""
        subject = _subject(request)
        where = difference(witness, other, Exemptions(self._context.gateway))
        if not where:
            self._trust.record_matches(subject, [1])
            return MATCH
        if self._trust.record_difference(subject.pair, where, self._context.clock()):
            self._context.events.emit(
                Warned(
                    f"equal reads of {request.query.relation or 'a function'} are answered differently each time",
                    "They share no call until the schema changes or fanin is started again.",
                )
            )
        return MISMATCH if self._trust.is_wrong(subject.pair) else UNSTABLE


def _subject(request: PendingRequest) -> Subject:
    """What equal reads earn trust for; functions are told apart by their path."""
    query = request.query
    name = query.relation or query.target[: query.path_end].decode("latin-1")
    return Subject((name, request.head.accept_profile, b""), query.fingerprint)
