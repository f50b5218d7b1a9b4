"""Sends the first shared reads of a relation twice, so that a relation which answers equal reads differently is found
before a client gets a copy.

Tests: tests/e2e/exactness/test_trust.py.
"""

from proxy.errors.codes import FaultError
from proxy.merging.comparer import UNPROVEN, unfiltered
from proxy.model import FallbackReason, PendingRequest
from proxy.observe.events import Warned
from proxy.path.comparison import ComparedAnswer, Exemptions, difference
from proxy.path.trust import NOTHING, Subject
from proxy.upstream.calls import CallLabels
from proxy.upstream.messages import UpstreamAnswer
from proxy.upstream.state import UpstreamState


class Witnesses:
    """Calls beside shared ones, as long as their relation is on probation."""

    def __init__(self, state: UpstreamState, max_body: int) -> None:
        self._context = state.context
        self._trust = state.trust
        self._max_body = max_body

    def is_wrong(self, request: PendingRequest) -> bool:
        """Whether equal reads of what ``request`` reads were answered differently."""
        return self._trust.is_wrong(_subject(request))

    def are_needed(self, request: PendingRequest) -> bool:
        """Whether what ``request`` reads is on probation."""
        return self._trust.check(_subject(request), {b"": 1}) is not NOTHING

    def why_unproven(
        self, request: PendingRequest, witness: ComparedAnswer | None, answer: UpstreamAnswer, body: bytes
    ) -> FallbackReason | None:
        """``unproven`` if the two answers differ, or there is only one."""
        subject = _subject(request)
        if witness is None:
            return UNPROVEN
        if not difference(witness, unfiltered(answer.line, answer.fields, body), Exemptions(self._context.gateway)):
            self._trust.record_matches(subject, [1])
            return None
        if self._trust.record_difference(subject):
            self._context.events.emit(
                Warned(
                    f"equal reads of {request.query.relation or 'a function'} are answered differently each time",
                    "They share no call until the schema changes or fanin is started again.",
                )
            )
        return UNPROVEN

    async def answer(self, request: PendingRequest) -> ComparedAnswer | None:
        """An answer of its own to ``request``; None if there is none, or it is too large to compare.

        It is awaited before the shared call is sent: a call that holds its place while it waits for another one could
        wait for ever where the pool has one place.
        """
        query = request.query
        labels = CallLabels("probation", query.method, query.relation, costs="FAN003")
        original = self._context.request(query.method, query.target, request.head.forwarded_lines)
        try:
            async with self._context.call(original, labels) as answer:
                body = await answer.read(self._max_body)
                return None if body is None else unfiltered(answer.line, answer.fields, body)
        except FaultError:
            return None


def _subject(request: PendingRequest) -> Subject:
    """What equal reads earn trust for; functions are told apart by their path."""
    query = request.query
    name = query.relation or query.target[: query.path_end].decode("latin-1")
    return name, request.head.accept_profile, b""
