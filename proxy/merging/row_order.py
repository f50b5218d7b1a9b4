"""Several rows of one key without an order: when merged calls select the addresses of rows, and what that is trusted.

Without an order PostgreSQL promises none. A merged answer is used only as long as originals are seen to have their rows
in the order of their addresses: that depends on the plan, so each fingerprint has to earn it, also where nothing else
is on probation.

Tests: tests/e2e/exactness/test_row_order.py.
"""

from collections.abc import Iterable, Mapping, Sequence

from proxy.merging.fetch import FetchResult, leader
from proxy.model import FallbackReason, MergedCall, NotSingular, PendingRequest, Slice
from proxy.path.evidence.columns import table_of
from proxy.path.evidence.comparison import Comparison
from proxy.path.evidence.order_evidence import OrderEvidence
from proxy.path.evidence.trust import Check, Pair, Subject, Trust, spread
from proxy.postgrest.request.set_filter import counts_by_address
from proxy.postgrest.row_address import CTID, NO_COLUMN_CODES, address_columns
from proxy.settings.tables import MergeSettings
from proxy.upstream.state import UpstreamState

SHARE_FACTOR = 10
"""How many times more merged calls than by ``shadow.share`` are compared, at least."""
EARLY_FACTOR = 1000
"""The same while few values have been compared: divided by their number."""
MAX_FIRST = 64
"""The most values with several rows that are compared of one answer, as long as the order is not trusted."""
TIES = FallbackReason("ties")
NONE: frozenset[bytes] = frozenset()
Slices = Mapping[bytes, Slice | NotSingular | None]


def order_pair(request: PendingRequest, key: bytes) -> Pair:
    """What the order of a query's rows earns trust for. No relation has the name of a fingerprint."""
    return request.query.fingerprint, request.head.accept_profile, key


def is_reordered(call: MergedCall, comparison: Comparison) -> bool:
    """Whether the order of its rows by address is the only thing wrong in a merged answer."""
    return bool(call.address_columns) and comparison.is_reordered


def check_order(state: UpstreamState, call: MergedCall, rows: dict[bytes, int], check: Check) -> Check:
    """``check`` of a call's slices, and those with several rows that are compared because of their order.

    Whatever else their relation has earned, these prove it too. They are all compared, or not used, because one changed
    row puts those of a single value into another order.
    """
    several = {value: count for value, count in rows.items() if count > 1}
    proofs, updated = state.order_proofs, updated_in_place(state, call)
    if proofs.epoch or updated:
        unproven = [value for value in several if not proofs.is_proven(call.requests_by_value[value][0], updated)]
    else:
        order = state.order_trust.check(Subject(order_pair(leader(call), call.key)), several)
        unproven = list(several) if order.compare else []
    if not unproven:
        return check
    compared = spread(unproven, MAX_FIRST)
    not_compared = set(unproven).difference(compared)
    others = (value for value in check.compare if value not in compared and value not in not_compared)
    return Check((*compared, *others), (*check.unused, *not_compared))


def updated_in_place(state: UpstreamState, call: MergedCall) -> int:
    """How many rows of the relation of ``call`` were updated in place, by the catalog."""
    return state.updated_in_place.get(leader(call).query.relation, 0)


def record_proofs(
    state: UpstreamState, call: MergedCall, slices: Slices, compared: Iterable[bytes], since: tuple[int, int]
) -> None:
    """The slices of ``call`` for the values ``compared`` are what their originals are. ``since``: the epoch of proofs,
    and ``updated_in_place``, when the call was sent.
    """
    if not call.address_columns:
        return
    several = set(with_several_rows(slices)).intersection(compared)
    requests = [call.requests_by_value[value][0] for value in several]
    epoch, updated = since
    state.order_proofs.record_matches(requests, epoch, state.context.clock(), updated)


def record_order(trust: Trust, call: MergedCall, slices: Iterable[Slice | NotSingular | None]) -> None:
    """These slices of ``call`` are what originals are: those with several rows prove their order."""
    if call.address_columns:
        rows = [own_slice.rows for own_slice in slices if own_slice is not None and own_slice.rows > 1]
        trust.record_matches(Subject(order_pair(leader(call), call.key)), rows)


def share_factor(trust: Trust, call: MergedCall) -> float:
    """By how much more than ``shadow.share`` of calls like ``call`` is compared. A few right answers prove little: an
    index may return the rows of most values in the order of the table.
    """
    if not call.address_columns:
        return 1.0
    return max(SHARE_FACTOR, EARLY_FACTOR / max(1, trust.matched(order_pair(leader(call), call.key))))


class RowOrder:
    """What merged calls under one set of settings select in addition, if keys have several rows without an order."""

    def __init__(self, settings: MergeSettings, state: UpstreamState) -> None:
        self._by_address = settings.ties == "physical"
        self._state = state

    def addressed(self, request: PendingRequest) -> frozenset[bytes]:
        """The key columns of ``request`` by which merged calls select the addresses of rows."""
        seen, table = self._state.addressed_keys, table_of(request)
        several = [key.name for key in request.query.keys if seen.has_several(table, key.name)]
        return frozenset(name for name in several if self._may_select(request, name)) if several else NONE

    def is_closed(self, request: PendingRequest, now: float) -> bool:
        """Whether ``request`` would be merged by addresses, and their order cannot be proven now because of writes."""
        proofs = self._state.order_proofs
        if not self._by_address or not proofs.is_closed(now):
            return False
        needs_proof = bool(proofs.epoch or self._state.updated_in_place.get(request.query.relation))
        return needs_proof and bool(self.addressed(request))

    def unresolved(self, batch: Sequence[PendingRequest]) -> list[bytes]:
        """The columns that say whether the relation of ``batch`` has addresses, if the plan depends on them."""
        counts = counts_by_address(batch[0].query) and len({request.query.target for request in batch}) > 1
        return self._unknown(batch[0]) if counts or self.addressed(batch[0]) else []

    def unresolved_after(self, call: MergedCall, result: object) -> list[bytes]:
        """The same after a result of ``call``."""
        return self._unknown(leader(call)) if result == TIES and self._may_select(leader(call), call.key) else []

    def other_plan(self, call: MergedCall, reason: FallbackReason) -> FallbackReason | None:
        """Why the batch of a call whose answer is not used can be planned in another way; None if it cannot."""
        request, table = leader(call), table_of(leader(call))
        if call.address_columns:
            if reason.reason != "status" or not reason.detail.startswith(NO_COLUMN_CODES):
                return None
            now = self._state.context.clock()
            self._state.addressed_keys.record_refusal(table, request.head.identity_hash, now)
            return reason
        known = self._state.column_types.known(request)
        if reason != TIES or not (self._may_select(request, call.key) and address_columns(known)):
            return None
        self._state.addressed_keys.record_several(table, call.key)
        return FallbackReason("several-rows")

    def _unknown(self, request: PendingRequest) -> list[bytes]:
        types = self._state.column_types
        return [CTID] if types.enabled and CTID not in types.known(request) else []

    def _may_select(self, request: PendingRequest, key: bytes) -> bool:
        query, head, state = request.query, request.head, self._state
        if not self._by_address or query.is_ordered or (head.media is not None and head.media.singular):
            return False
        column = state.column_types.known(request).get(key)
        if column is not None and not column.by_address:
            return False
        if state.addressed_keys.is_refused(table_of(request), head.identity_hash, state.context.clock()):
            return False
        return not state.order_trust.is_wrong(order_pair(request, key))


def is_credible(evidence: OrderEvidence, call: MergedCall, result: FetchResult) -> bool:
    """Whether an answer of ``call`` may have the order of originals, by what earlier answers have shown."""
    subject = order_pair(leader(call), call.key)
    if result == TIES:
        evidence.record(subject, len(call.requests_by_value), len(call.requests_by_value))
    if not isinstance(result, dict):
        return True
    several, unordered = len(with_several_rows(result)), sum(own_slice is None for own_slice in result.values())
    credible = evidence.is_credible(subject, several, unordered)
    if credible and several + unordered:
        evidence.record(subject, several + unordered, unordered)
    return credible


def with_several_rows(slices: Slices) -> list[bytes]:
    """The filter values with several rows."""
    return [value for value, own_slice in slices.items() if own_slice is not None and own_slice.rows > 1]
