"""Policies: the settings for some requests, and the objects that merge, share and compare with these settings.

There is one for all requests, and one for each relation or route with its own settings; a reload makes new ones.
Requests under different policies never share a window. What is learned about upstream (``UpstreamState``) holds for
all policies.
"""

import asyncio

from proxy.merging.chunker import Chunker
from proxy.merging.coalescer import Coalescer
from proxy.merging.comparing.comparer import ShadowComparer
from proxy.merging.comparing.probation import ProbationFetcher
from proxy.merging.comparing.shadow import SampledFetcher, ShadowMode
from proxy.merging.fetch import Fetcher, FetchesMerged
from proxy.merging.kept.cacher import Cacher
from proxy.merging.kept.fills import CachedReads
from proxy.merging.kept.prefetcher import Prefetcher
from proxy.merging.kept.trace_memory import TraceMemories
from proxy.merging.merger import Merger
from proxy.merging.write_merger import WriteMerger
from proxy.path.batches.coalescing import any_stable, stable_in_settings
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.upstream.state import UpstreamState


class RequestPolicy:
    """Made from one set of settings. In mode shadow no client waits for merging, and its calls are counted
    separately.
    """

    def __init__(
        self,
        settings: Settings,
        state: UpstreamState,
        fallbacks: asyncio.Semaphore,
        memories: TraceMemories,
        cached: CachedReads,
    ) -> None:
        """``fallbacks`` limits the originals in flight that are sent after merged answers could not be used, so that
        they do not overload upstream.
        """
        self.settings = settings
        self.fallbacks = fallbacks
        merge, rewrites = settings.merge, settings.rules.fan001 == "rewrite"
        self.merges = settings.mode == "rewrite" and rewrites
        listed = stable_in_settings(settings.rules.duplicate_read.rpc, settings.catalog.schemas[0])
        self.comparer = ShadowComparer(merge, state)
        self.coalescer = Coalescer(settings, state, any_stable(listed, state.column_types.is_stable), self.comparer)
        self.chunker = Chunker(settings, state)
        merges_writes = settings.mode == "rewrite" and settings.rules.fan004 == "rewrite"
        self.writes = WriteMerger(merge, state) if merges_writes else None
        self.shadow: ShadowMode | None = None
        if settings.mode == "shadow" and rewrites:
            self.shadow = ShadowMode(merge, self.comparer)
            self.merger = Merger(merge, self.comparer.state, self.shadow, self.coalescer)
        else:
            self.merger = Merger(merge, state, self._fetcher(state), self.coalescer)
        self.prefetcher: Prefetcher | None = None
        if self.merges and settings.rules.fan002 == "rewrite":
            self.prefetcher = Prefetcher(settings, state, self.merger, memories)

        self.cacher: Cacher | None = None
        if settings.mode == "rewrite" and settings.rules.fan006 == "rewrite" and settings.cache.fresh is not None:
            self.cacher = Cacher(settings.cache, state, cached)

    def _fetcher(self, state: UpstreamState) -> FetchesMerged:
        fetcher = ProbationFetcher(Fetcher(self.settings.merge, state), self.comparer, state)
        if not self.settings.shadow.share:
            return fetcher
        return SampledFetcher(fetcher, self.comparer, state.context.client.calls, self.settings.shadow)

    @property
    def keeps_answers(self) -> bool:
        """Whether a request may be answered from what was read before it came."""
        return self.prefetcher is not None or self.cacher is not None

    @property
    def shares_answers(self) -> bool:
        """Whether kept answers may be shared by all identities."""
        return self.cacher is not None and self.settings.cache.shared

    @property
    def busy(self) -> bool:
        """Whether a request still waits under this policy, or a comparison is in progress."""
        waiting = self.merger.batcher.waiting or self.coalescer.batcher.waiting
        waiting = waiting or (self.writes is not None and self.writes.batcher.waiting)
        return bool(waiting or self.chunker.in_progress or self.comparer.running)


def policies(
    settings: Settings, state: UpstreamState, memories: TraceMemories, cached: CachedReads
) -> ByRequest[RequestPolicy]:
    """The policies for all requests. They share one limit on fallbacks."""
    fallbacks = asyncio.Semaphore(settings.merge.fallbacks)
    return ByRequest(settings, lambda overridden: RequestPolicy(overridden, state, fallbacks, memories, cached))
