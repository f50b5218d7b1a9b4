"""The state of one upstream: how it is called, and what its answers have shown. A reload of the settings keeps it."""

import copy
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from proxy.bounded_table import BoundedTable
from proxy.model import Column, PendingRequest, Query, RelationSet
from proxy.observe.events import Events
from proxy.path.answers.singular import NotSingularTemplates
from proxy.path.batches.addressed_keys import AddressedKeys
from proxy.path.batches.call_size import CallSize
from proxy.path.evidence.comparison import ByteBudget, MismatchPauses
from proxy.path.evidence.differing_headers import DifferingHeaders
from proxy.path.evidence.max_rows import MaxRowsEvidence
from proxy.path.evidence.order_evidence import OrderEvidence
from proxy.path.evidence.order_proofs import OrderProofs
from proxy.path.evidence.trust import Trust, trusted_name
from proxy.path.evidence.unsafe_reads import UnsafeReads
from proxy.path.kept.drops import DropClock
from proxy.postgrest.dependencies import Dependencies
from proxy.postgrest.hazards import Hazard
from proxy.postgrest.response.gateway import Gateway
from proxy.settings.model import Settings
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.facts.column_types import ColumnTypeResolver
from proxy.upstream.facts.response_observer import ResponseObserver
from proxy.upstream.mount import Mount

LEAST_ORDERED = 12
"""Values with several rows without an order that are compared before others of their query are used."""


class UpstreamState:
    """Shared by all policies: what is learned under one policy holds for every other."""

    def __init__(self, settings: Settings, context: UpstreamContext) -> None:
        merge, shadow = settings.merge, settings.shadow
        bounds = merge.max_tracked, merge.max_tracked_bytes
        self.context = context
        self.numbers = itertools.count(1)
        """Numbers for upstream calls. A span has the number of the call that answered it."""
        self.max_rows = MaxRowsEvidence(merge.max_rows, merge.max_rows_lifetime)
        self.call_size = CallSize()
        self.differing_headers = DifferingHeaders()
        self.also_neutral = settings.identity.also_neutral
        """The setting, for advice about headers."""
        self.not_singular = NotSingularTemplates(*bounds)
        self.observer = ResponseObserver(context.gateway, self.max_rows, self.not_singular, context.clock)
        self.column_types = ColumnTypeResolver(settings, context)
        self.comparison_bytes = ByteBudget(shadow.max_bytes)
        self.unsafe_reads = UnsafeReads(settings.catalog.schemas[0], merge.max_tracked)
        self.plain_tables: frozenset[str] = frozenset()
        self.updated_in_place: Mapping[str, int] = {}
        """Tables whose writes may share a call, by the catalog; with their schema."""
        self.trust = Trust(merge.probation, *bounds)
        self.order_trust = Trust(LEAST_ORDERED, *bounds)
        """Trust in the order of rows without ``order``; in place of the relation, a pair has the fingerprint."""
        self.drops = DropClock(merge.max_tracked)
        self.drop_causes: Counter[str] = Counter()
        self.dependencies = Dependencies()
        """What reads depend on, and what writes change; empty while the catalog cannot be read."""
        self.order_proofs = OrderProofs(merge.max_tracked)
        self.addressed_keys = AddressedKeys(merge.types_lifetime, *bounds)
        self.order_evidence = OrderEvidence(*bounds)
        self.mismatches = MismatchPauses(shadow.pause_first, shadow.pause_max, *bounds)

    @property
    def tables(self) -> Mapping[str, Sequence[BoundedTable[Any, Any]]]:
        """The tables of what was learned, by their label in metrics."""
        return {
            "columns": (self.column_types.columns.learned,),
            "not_singular": (self.not_singular.table,),
            "order": (self.order_evidence.table, self.addressed_keys.several, self.addressed_keys.refused),
            "pauses": (self.mismatches.table,),
            "trust": tuple(
                table
                for trust in (self.trust, self.order_trust)
                for table in (trust.trusted, trust.wrong, trust.queries)
            ),
        }

    def apply_discovery(self, mount: Mount, gateway: Gateway) -> None:
        """Use another mount and gateway. Policies and pipelines that were made before keep theirs."""
        self.context = msgspec.structs.replace(self.context, mount=mount, gateway=gateway)
        self.observer.gateway = gateway
        self.column_types.context = self.context

    def apply_settings(self, settings: Settings) -> None:
        """Use new settings. What they state about upstream replaces what was learned."""
        self.max_rows.configure(settings.merge.max_rows)
        self.column_types.apply_settings(settings)
        self.trust.needed = settings.merge.probation
        self.also_neutral = settings.identity.also_neutral

    def hazard_of(self, request: PendingRequest) -> Hazard | None:
        """Why ``request`` is not merged, by the catalog."""
        return self.unsafe_reads.hazard_of(request.query, request.head.accept_profile)

    def drop_all(self, cause: str) -> None:
        """Answers so far are not used any more; ``cause`` is a key of ``errors.words.DROP_CAUSES``."""
        self.drops.drop(None)
        self.drop_causes[cause] += 1

    def drop_notified(self, relation: str) -> None:
        """Somebody wrote to ``relation`` (with its schema), as a notification of Postgres says. What an unknown one
        concerns is not known: everything is dropped.
        """
        self.drops.drop(self.dependencies.changed.get(relation))
        self.drop_causes["notification"] += 1

    def relations_read(self, request: PendingRequest) -> RelationSet:
        """Relations that the answer to a read depends on: all without a catalog."""
        return self.dependencies.read_by(request.query)

    def relations_changed(self, query: Query) -> RelationSet:
        """Relations whose rows a write may change: all without a catalog, and for a function."""
        return self.dependencies.changed_by(query)

    def columns_of(self, request: PendingRequest) -> Mapping[bytes, Column]:
        """What is known of the columns of the relation of ``request``, and of calls that were merged by them."""
        known = self.column_types.known(request)
        wrong = self.trust.wrong_columns(trusted_name(request.query), request.head.accept_profile)
        if not wrong:
            return known
        marked = {name: msgspec.structs.replace(known.get(name, Column("")), mismatched=True) for name in wrong}
        return {**known, **marked}

    def in_background(self, events: Events) -> "UpstreamState":
        """The same state for calls of lower priority than clients' calls, with their own ``events``."""
        other = copy.copy(self)
        other.context = msgspec.structs.replace(self.context, pool=self.context.client.shadows, events=events)
        return other
