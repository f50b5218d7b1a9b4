"""What holds for some requests: their settings, and who merges, shares and compares by them.

Terms are made when settings are read, and for each relation or route with settings of its own. Requests under different
terms never share a window; what is learnt of upstream is everybody's.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable

from proxy.merging.chunker import Stitcher
from proxy.merging.chunks import Line
from proxy.merging.coalescer import Sharing
from proxy.merging.comparer import Checker
from proxy.merging.fetch import Fetcher, Fetches
from proxy.merging.merger import Merger
from proxy.merging.shadow import Sampled, Shadow
from proxy.observe.events import Events
from proxy.path.coalescing import either, listed
from proxy.path.comparison import Held, Pauses
from proxy.path.max_rows import RowEvidence
from proxy.path.singular import Templates
from proxy.postgrest.response.gateway import Gateway
from proxy.settings.model import Settings
from proxy.upstream.client import Upstream
from proxy.upstream.column_types import Oracle
from proxy.upstream.mount import Route
from proxy.upstream.response_observer import Lessons


class Memory:
    """What is known of one upstream, and numbers that are given once. It outlives settings."""

    def __init__(
        self,
        settings: Settings,
        upstream: Upstream,
        route: Route,
        gateway: Gateway,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        merge, shadow = settings.merge, settings.shadow
        self.upstream = upstream
        self.route = route
        self.gateway = gateway
        self.events = events
        self.clock = clock
        self.numbers = itertools.count(1)
        self.evidence = RowEvidence(merge.max_rows, merge.row_evidence)
        self.templates = Templates(merge.max_tracked)
        self.lessons = Lessons(gateway, self.evidence, self.templates, clock)
        self.oracle = Oracle(settings, upstream, route, events, clock)
        self.held = Held(shadow.max_held)
        self.pauses = Pauses(shadow.pause_first, shadow.pause_max, merge.max_tracked)

    def adopt(self, settings: Settings) -> None:
        """Other settings hold from now on: what they say of upstream counts more than what was learnt."""
        self.evidence.configured = settings.merge.max_rows
        self.oracle.heed(settings)


class Terms:
    """Made from one set of settings. In mode shadow merging has no callers, and its calls are counted apart."""

    def __init__(self, settings: Settings, memory: Memory, replaying: asyncio.Semaphore) -> None:
        """``replaying`` is held by each original that is sent after a doubt: replays must not flood upstream."""
        self.settings = settings
        self.replaying = replaying
        self.merges = settings.mode == "rewrite" and settings.rules.fan001 == "rewrite"
        self.checker = Checker(
            settings,
            memory.upstream,
            memory.route,
            memory.gateway,
            memory.evidence,
            memory.events,
            memory.clock,
            memory.templates,
            memory.held,
            memory.pauses,
        )
        self.sharing = _sharing(settings, memory)
        self.stitcher = _stitcher(settings, memory)
        self.shadow: Shadow | None = None
        fetcher: Fetches
        events = memory.events
        if settings.mode == "shadow" and settings.rules.fan001 == "rewrite":
            fetcher = self.shadow = Shadow(settings, self.checker, memory.clock)
            events = self.checker.events
        else:
            fetcher = _fetcher(settings, memory, self.checker)
        self.merger = Merger(
            settings,
            fetcher,
            memory.oracle,
            self.sharing,
            memory.evidence,
            events,
            memory.clock,
            memory.numbers,
            memory.templates,
            memory.pauses,
        )

    @property
    def busy(self) -> bool:
        """Whether anybody still waits under these terms, or anything is compared."""
        return bool(self.merger.waiting or self.sharing.waiting or self.stitcher.busy or self.checker.running)


def _fetcher(settings: Settings, memory: Memory, checker: Checker) -> Fetches:
    upstream = memory.upstream
    more = (memory.evidence, memory.events, memory.clock)
    fetcher = Fetcher(settings, upstream, upstream.calls, memory.route, memory.gateway, *more)
    if not settings.shadow.share:
        return fetcher
    return Sampled(fetcher, checker, upstream.calls, settings.shadow, memory.clock)


def _sharing(settings: Settings, memory: Memory) -> Sharing:
    named = listed(settings.rules.duplicate_read.rpc, settings.catalog.schemas[0])
    stable = either(named, memory.oracle.is_stable)
    more = (memory.lessons, memory.events, memory.clock, memory.numbers)
    return Sharing(settings, memory.upstream, memory.route, memory.gateway, stable, *more)


def _stitcher(settings: Settings, memory: Memory) -> Stitcher:
    line = Line(
        memory.upstream,
        memory.route,
        memory.gateway,
        memory.evidence,
        memory.events,
        memory.clock,
        b"f" + secrets.token_hex(12).encode(),
        settings.merge.max_body,
    )
    return Stitcher(settings, line, lambda: next(memory.numbers))
