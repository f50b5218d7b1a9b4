"""What merging may know of one upstream: how it is called, and what its answers have shown. It outlives settings."""

import copy
import itertools

import msgspec

from proxy.observe.events import Events
from proxy.path.comparison import ByteBudget, MismatchPauses
from proxy.path.max_rows import MaxRowsEvidence
from proxy.path.singular import NotSingularTemplates
from proxy.settings.model import Settings
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.column_types import ColumnTypeResolver
from proxy.upstream.response_observer import ResponseObserver


class UpstreamState:
    """Shared by all policies: what is learned under one set of settings holds under every other."""

    def __init__(self, settings: Settings, context: UpstreamContext) -> None:
        merge, shadow = settings.merge, settings.shadow
        self.context = context
        self.numbers = itertools.count(1)
        """Numbers of upstream calls; spans that a call answered carry its number."""
        self.max_rows = MaxRowsEvidence(merge.max_rows, merge.max_rows_lifetime)
        self.not_singular = NotSingularTemplates(merge.max_tracked)
        self.observer = ResponseObserver(context.gateway, self.max_rows, self.not_singular, context.clock)
        self.column_types = ColumnTypeResolver(settings, context)
        self.comparison_bytes = ByteBudget(shadow.max_bytes)
        self.mismatches = MismatchPauses(shadow.pause_first, shadow.pause_max, merge.max_tracked)

    def apply_settings(self, settings: Settings) -> None:
        """What the operator says of upstream from now on counts more than what was learned."""
        self.max_rows.configured = settings.merge.max_rows
        self.column_types.apply_settings(settings)

    def in_background(self, events: Events) -> "UpstreamState":
        """The same knowledge for calls that give way to those for clients, and that ``events`` hears of."""
        other = copy.copy(self)
        other.context = msgspec.structs.replace(self.context, pool=self.context.client.shadows, events=events)
        return other
