"""What holds for some requests: their settings, and who merges, shares and compares by them.

Terms are made when settings are read, and for each relation or route with settings of its own. Requests under different
terms never share a window; what is learnt of upstream is everybody's.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable

from proxy.merging.chunker import Chunker
from proxy.merging.chunks import UpstreamContext
from proxy.merging.coalescer import Coalescer
from proxy.merging.comparer import ShadowComparer
from proxy.merging.fetch import Fetcher, FetchesMerged
from proxy.merging.merger import Merger
from proxy.merging.shadow import SampledFetcher, ShadowMode
from proxy.observe.events import Events
from proxy.path.coalescing import any_of, named_in_settings
from proxy.path.comparison import ByteBudget, MismatchPauses
from proxy.path.max_rows import MaxRowsEvidence
from proxy.path.singular import NotSingularTemplates
from proxy.postgrest.response.gateway import Gateway
from proxy.settings.model import Settings
from proxy.upstream.client import Upstream
from proxy.upstream.column_types import ColumnTypeResolver
from proxy.upstream.mount import Mount
from proxy.upstream.response_observer import ResponseObserver


class UpstreamState:
    """What is known of one upstream, and numbers that are given once. It outlives settings."""

    def __init__(
        self,
        settings: Settings,
        upstream: Upstream,
        route: Mount,
        gateway: Gateway,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        merge, shadow = settings.merge, settings.shadow
        self.upstream = upstream
        self.mount = route
        self.gateway = gateway
        self.events = events
        self.clock = clock
        self.numbers = itertools.count(1)
        self.max_rows = MaxRowsEvidence(merge.max_rows, merge.max_rows_lifetime)
        self.not_singular = NotSingularTemplates(merge.max_tracked)
        self.observer = ResponseObserver(gateway, self.max_rows, self.not_singular, clock)
        self.column_types = ColumnTypeResolver(settings, upstream, route, events, clock)
        self.held = ByteBudget(shadow.max_bytes)
        self.pauses = MismatchPauses(shadow.pause_first, shadow.pause_max, merge.max_tracked)

    def apply_settings(self, settings: Settings) -> None:
        """Other settings hold from now on: what they say of upstream counts more than what was learnt."""
        self.max_rows.configured = settings.merge.max_rows
        self.column_types.apply_settings(settings)


class Policy:
    """Made from one set of settings. In mode shadow merging has no callers, and its calls are counted apart."""

    def __init__(self, settings: Settings, memory: UpstreamState, fallbacks: asyncio.Semaphore) -> None:
        """``fallbacks`` is held by each original that is sent after a doubt: fallbacks must not flood upstream."""
        self.settings = settings
        self.fallbacks = fallbacks
        self.merges = settings.mode == "rewrite" and settings.rules.fan001 == "rewrite"
        self.comparer = ShadowComparer(
            settings,
            memory.upstream,
            memory.mount,
            memory.gateway,
            memory.max_rows,
            memory.events,
            memory.clock,
            memory.not_singular,
            memory.held,
            memory.pauses,
        )
        self.coalescer = _sharing(settings, memory)
        self.chunker = _chunker(settings, memory)
        self.shadow: ShadowMode | None = None
        fetcher: FetchesMerged
        events = memory.events
        if settings.mode == "shadow" and settings.rules.fan001 == "rewrite":
            fetcher = self.shadow = ShadowMode(settings, self.comparer, memory.clock)
            events = self.comparer.events
        else:
            fetcher = _fetcher(settings, memory, self.comparer)
        self.merger = Merger(
            settings,
            fetcher,
            memory.column_types,
            self.coalescer,
            memory.max_rows,
            events,
            memory.clock,
            memory.numbers,
            memory.not_singular,
            memory.pauses,
        )

    @property
    def busy(self) -> bool:
        """Whether anybody still waits under these terms, or anything is compared."""
        return bool(self.merger.waiting or self.coalescer.waiting or self.chunker.busy or self.comparer.running)


def _fetcher(settings: Settings, memory: UpstreamState, checker: ShadowComparer) -> FetchesMerged:
    upstream = memory.upstream
    more = (memory.max_rows, memory.events, memory.clock)
    fetcher = Fetcher(settings, upstream, upstream.calls, memory.mount, memory.gateway, *more)
    if not settings.shadow.share:
        return fetcher
    return SampledFetcher(fetcher, checker, upstream.calls, settings.shadow, memory.clock)


def _sharing(settings: Settings, memory: UpstreamState) -> Coalescer:
    named = named_in_settings(settings.rules.duplicate_read.rpc, settings.catalog.schemas[0])
    stable = any_of(named, memory.column_types.is_stable)
    more = (memory.observer, memory.events, memory.clock, memory.numbers)
    return Coalescer(settings, memory.upstream, memory.mount, memory.gateway, stable, *more)


def _chunker(settings: Settings, memory: UpstreamState) -> Chunker:
    line = UpstreamContext(
        memory.upstream,
        memory.mount,
        memory.gateway,
        memory.max_rows,
        memory.events,
        memory.clock,
        b"f" + secrets.token_hex(12).encode(),
        settings.merge.max_body,
    )
    return Chunker(settings, line, lambda: next(memory.numbers))
