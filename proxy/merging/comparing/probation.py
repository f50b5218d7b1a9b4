"""Compares the first answers of a relation with originals before any client gets one of them.

``proxy.path.evidence.trust`` decides what is compared and when trust is earned; this module fetches the originals.
Clients wait for them, so they use the pool of clients' calls.

Tests: tests/e2e/exactness/test_trust.py.
"""

import asyncio
from collections.abc import Callable, Sequence

from proxy.merging.comparing.comparer import UNPROVEN, DifferingAnswer, ShadowComparer, read_original, subject_of
from proxy.merging.fetch import FetchesMerged, FetchResult, leader
from proxy.merging.row_order import (
    TIES,
    Slices,
    check_order,
    is_credible,
    is_reordered,
    order_pair,
    record_order,
    record_proofs,
    updated_in_place,
)
from proxy.model import MergedCall, NotSingular, PendingRequest, Slice
from proxy.path.evidence.comparison import FAILED, MATCH, SKIPPED, ComparedAnswer
from proxy.path.evidence.trust import NOTHING, Check, Pair
from proxy.upstream.calls import CallLabels
from proxy.upstream.state import UpstreamState

CONCURRENT = 8
"""Originals of one comparison in flight at once."""


class ProbationFetcher:
    """Merged calls whose slices are compared first, as long as the relation and the key column are not trusted."""

    def __init__(self, fetcher: FetchesMerged, comparer: ShadowComparer, state: UpstreamState) -> None:
        self._fetcher = fetcher
        self._comparer = comparer
        self._state = state
        self._context = state.context
        self._trust = state.trust
        self._order_trust = state.order_trust
        self._evidence = state.order_evidence
        self._examined: set[Pair] = set()
        """Pairs with a difference that is being examined in the background."""

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        """The merged answer. ``unproven``: a slice differs from its original, or there was no original to compare."""
        subject = subject_of(call)
        order = order_pair(leader(call), call.key)
        if subject.pair in self._examined or (call.address_columns and order in self._examined):
            return UNPROVEN
        since = self._state.order_proofs.epoch, updated_in_place(self._state, call)
        result = await self._fetcher.fetch(call, alias, on_sent, number)
        if call.address_columns and not is_credible(self._evidence, call, result):
            return TIES
        if not isinstance(result, dict) or not (call.address_columns or self._trust.may_check(subject)):
            return result
        if any(is_error(own_slice) for own_slice in result.values()):
            return result
        rows = {value: own_slice.rows_read for value, own_slice in result.items() if own_slice is not None}
        check = self._trust.check(subject, rows)
        if call.address_columns:
            check = check_order(self._state, call, rows, check)
        if check is NOTHING:
            return result
        answer = await self._checked(call, alias, result, check, on_sent)
        if isinstance(answer, dict):
            record_proofs(self._state, call, answer, check.compare, since)
        return answer

    async def _checked(
        self, call: MergedCall, alias: bytes, slices: Slices, check: Check, on_sent: Callable[[], None]
    ) -> FetchResult:
        subject, places = subject_of(call), asyncio.Semaphore(CONCURRENT)

        async def original(pending: PendingRequest) -> ComparedAnswer | str:
            async with places:
                query = pending.query
                labels = CallLabels("probation", query.method, query.relation, "FAN001", fingerprint=query.fingerprint)
                return await read_original(self._context, pending, labels, self._comparer.max_body, on_sent)

        pairs = [(value, call.requests_by_value[value][0]) for value in check.compare]
        outcomes = await self._comparer.compare_once(slices, pairs, original)
        differing = [outcome for outcome in outcomes if isinstance(outcome, DifferingAnswer)]
        matched = [slices[value] for (value, _), outcome in zip(pairs, outcomes, strict=True) if outcome == MATCH]
        self._trust.record_matches(subject, [own_slice.rows_read for own_slice in matched if own_slice is not None])
        record_order(self._order_trust, call, matched)
        if differing:
            only_order = all(is_reordered(call, answer.comparison) for answer in differing)
            examined = order_pair(leader(call), call.key) if only_order else subject.pair
            self._examined.add(examined)
            self._comparer.start(self._examine(call, alias, differing, examined))
            return UNPROVEN
        if any(outcome in (FAILED, SKIPPED) for outcome in outcomes):
            return UNPROVEN
        return {value: None if value in check.unused else own_slice for value, own_slice in slices.items()}

    async def _examine(
        self, call: MergedCall, alias: bytes, differing: Sequence[DifferingAnswer], examined: Pair
    ) -> None:
        """Find out whether the merged answer is wrong, or clients write to what it reads."""
        try:
            await self._comparer.examine(call, alias, differing, subject_of(call))
        finally:
            self._examined.discard(examined)


def is_error(own_slice: Slice | NotSingular | None) -> bool:
    """Whether it is an error that all requests of the call share, which says nothing about rows."""
    return isinstance(own_slice, Slice) and own_slice.rows < 0
