"""Prefetching (FAN002): a loop that waits for each answer is served from answers that were fetched ahead.

The reads that are expected next wait in the same window as the read that the client made, so that the same checks hold
for them. They are never sent alone.

Tests: tests/e2e/prefetch/test_loops.py.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec

from proxy.merging.batcher import OnReply
from proxy.merging.kept.trace_memory import Loop, TraceMemories, TraceMemory, TraceVisit
from proxy.merging.merger import Merger
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone, StreamedAnswer
from proxy.model import Outcome, PendingRequest
from proxy.observe.events import MemoUsed
from proxy.path.kept.memo import Fetch, MemoEntry, MemoKey, asks_for_fresh
from proxy.path.kept.remembered import Place, RememberedAnswer, ValueSource
from proxy.path.kept.siblings import MAX_LITERAL, VariedKey, sibling
from proxy.postgrest.request.literals import PLAIN_BYTES
from proxy.prefetch_size import keys_ahead
from proxy.settings.model import Settings
from proxy.upstream.state import UpstreamState

USABLE = (b"200", b"206", b"406")
"""Statuses of answers that are kept: rows, and that there is not exactly one."""
MAX_SEARCHES = 4
"""Searches in vain for the values of a loop after which only every further doubling of their number is tried."""
MAX_LISTS = 4
"""Lists with both values of a loop, though not one next to the other, after which no further one is searched."""
URL_RESERVE = 400
"""Bytes of a merged target besides the client's own target and the literals."""

SEPARATOR = 9
"""Bytes of a comma and two quotes in a target."""


class Ahead(msgspec.Struct, frozen=True, eq=False):
    """A request that is fetched ahead: for which loop of which trace, and how its answer is kept."""

    visit: TraceVisit
    loop: Loop
    key: MemoKey
    fetch: Fetch
    uses: int


class Prefetcher:
    """Fetches ahead with one set of settings."""

    def __init__(self, settings: Settings, state: UpstreamState, merger: Merger, memories: TraceMemories) -> None:
        self._settings = settings.prefetch
        self._max_url = settings.merge.max_url
        self._state = state
        self._drops = state.drops
        self._clock = state.context.clock
        self._events = state.context.events
        self._merger = merger
        self._memories = memories
        self._counts = memories.counts

    async def reply_to(self, visit: TraceVisit) -> Reply:
        """The answer from the memo, or the one to the request itself, with which others may be fetched ahead."""
        request = visit.request
        ahead: dict[PendingRequest, OnReply] = {}
        if visit.loops and not asks_for_fresh(request.head):
            answer = self._from_memo(visit)
            if answer is not None:
                return answer
            try:
                ahead = self._ahead(visit)
            except Exception as error:
                self._events.bug("nothing was fetched ahead", error)
        return await self._merger.reply_to(request, ahead)

    # The memo.

    def _from_memo(self, visit: TraceVisit) -> BufferedAnswer | None:
        memory, now = visit.memory, self._clock()
        for varied, loop in visit.loops:
            key = varied.shape, varied.literal
            entry = memory.memo.get(key)
            if entry is None:
                continue
            result = self._result(entry, now)
            self._counts.requests[result] += 1
            if result != "served":
                loop.was_dropped = True
                memory.remove(key, entry)
                continue
            self._use(memory, key, entry, loop)
            loop.advance(varied.literal)
            age = now - entry.fetch.at
            self._events.emit(MemoUsed(age))
            return BufferedAnswer(entry.slice, entry.call, entry.shared, Outcome.PREFETCHED, 0.0, age=age)
        return None

    def _result(self, entry: MemoEntry, now: float) -> str:
        if now - entry.fetch.at > self._settings.max_age:
            return "too-old"
        return "served" if self._is_current(entry.fetch, now) else "dropped"

    def _is_current(self, fetch: Fetch, now: float) -> bool:
        return self._drops.is_current(fetch.read, fetch.reading, now)

    def _use(self, memory: TraceMemory, key: MemoKey, entry: MemoEntry, loop: Loop) -> None:
        if not entry.is_used:
            entry.is_used = True
            loop.used += 1
            loop.used_keys += 1
        entry.uses -= 1
        if entry.uses <= 0:
            memory.remove(key, entry)

    # What to fetch.

    def _ahead(self, visit: TraceVisit) -> dict[PendingRequest, OnReply]:
        """The requests that the client is expected to make next, if this one belongs to a loop whose values are known.

        The clock is read before anything is sent, so that the answers are taken to be older than they are.
        """
        request, now = visit.request, self._clock()
        if not self._drops.sees_all:
            return {}
        for varied, loop in visit.loops:
            if loop.in_flight > 1 or self._memories.flows.is_paused(request.query.fingerprint, now):
                continue
            values = self._expected(visit, varied, loop)
            if values:
                fetch = Fetch(now, self._drops.reading, self._state.relations_read(request))
                loop.size, loop.used, loop.was_dropped = len(values), 0, False
                self._counts.requests["fetched"] += 1
                return dict(self._made(visit, varied, values, partial(Ahead, visit, loop, fetch=fetch)))
        return {}

    def _made(
        self, visit: TraceVisit, varied: VariedKey, values: dict[bytes, int], ahead: Callable[..., Ahead]
    ) -> Iterator[tuple[PendingRequest, OnReply]]:
        query, head, now = visit.request.query, visit.request.head, self._clock()
        for literal, uses in values.items():
            key = varied.shape, literal
            keep = partial(self._keep, ahead(key=key, uses=uses))
            yield PendingRequest(sibling(query, varied.key, literal), head, now), keep

    def _expected(self, visit: TraceVisit, varied: VariedKey, loop: Loop) -> dict[bytes, int]:
        """The values that follow in the list, and how often each is expected to be asked for."""
        most = self._most(visit.request, varied, loop)
        if most < 1:
            return {}
        length, has_place = None, loop.advance(varied.literal)
        if not has_place or loop.is_misled:
            length = self._guess(visit, varied, loop) if not loop.last else None
            if length is None and not self._find(visit, varied, loop, has_place) and not has_place:
                loop.source = loop.place = None
        if loop.source is None or loop.place is None or (loop.columns > 1 and loop.asked == 1):
            return {}
        size = keys_ahead(loop.size, loop.used, most, loop.was_dropped) if length is None else min(length, most)
        values = loop.source.following(loop.place, size)
        room = self._max_url - len(visit.request.query.target) - URL_RESERVE
        return dict(self._not_kept(visit.memory, varied, _within(values, room)))

    def _not_kept(
        self, memory: TraceMemory, varied: VariedKey, values: Iterable[tuple[bytes, int]]
    ) -> Iterator[tuple[bytes, int]]:
        """Those of ``values`` that have no answer that may be used. One that has may be used for all these rows."""
        now = self._clock()
        for literal, uses in values:
            entry = memory.memo.get((varied.shape, literal))
            if entry is None or self._result(entry, now) != "served":
                yield literal, uses
            else:
                entry.uses = max(entry.uses, uses)

    def _most(self, request: PendingRequest, varied: VariedKey, loop: Loop) -> int:
        """The most keys that can be fetched ahead, and asked for before they are too old."""
        scheduler = self._merger.scheduler_of(request)
        if scheduler is None or len(varied.literal) > MAX_LITERAL:
            return 0
        most = min(self._settings.max_keys, self._merger.keys_per_call(scheduler, request) - 1)
        return most if loop.gap <= 0 else min(most, int(self._settings.max_age / 2 / loop.gap))

    def _guess(self, visit: TraceVisit, varied: VariedKey, loop: Loop) -> int | None:
        """Find the place of a loop's first read by what earlier traces have shown; returns the keys to fetch."""
        flow = self._memories.flows.certain(loop.name)
        source = None if flow is None else visit.memory.source(flow.source, visit.caller)
        if flow is None or source is None:
            return None
        place = source.place_of(varied.literal, None, _filter(visit, varied), only=flow.column)
        if place is None:
            return None
        loop.bind(source, place)
        loop.is_guess = True
        return flow.length(loop.left - 1)

    def _find(self, visit: TraceVisit, varied: VariedKey, loop: Loop, has_place: bool) -> bool:
        """Find an answer that has the last literal and this one in one column, in this order, or the last ones and this
        one in several columns in turn. A loop that ``has_place`` stays there, unless this one is the next value in
        another column.
        """
        if not loop.last:
            return False
        if loop.searches >= MAX_SEARCHES and loop.searches & (loop.searches - 1):
            loop.searches += 1
            return False
        found = self._nearest(visit, varied, loop.recent)
        if found is None or (has_place and (found[1].step > 1 or _column(*found) == loop.column)):
            loop.searches += 1
            return False
        loop.bind(*found)
        loop.searches = 0
        return True

    def _nearest(
        self, visit: TraceVisit, varied: VariedKey, recent: Sequence[bytes]
    ) -> tuple[ValueSource, Place] | None:
        """The latest answers that have the value next to the one before, else those that have it and the ones before in
        several columns in turn, else the latest that have both in order.
        """
        found: list[tuple[ValueSource, Place]] = []
        filters, literal, before = _filter(visit, varied), varied.literal, recent[-1]
        for source in visit.memory.latest(visit.caller) if before != literal else ():
            place = source.place_of(literal, before, filters)
            if place is not None and place.step == 1:
                return source, place
            if place is not None:
                found.append((source, place))
            if len(found) >= MAX_LISTS:
                break
        for source in visit.memory.latest(visit.caller) if len(recent) > 1 else ():
            place = source.place_in_turn(literal, recent, filters)
            if place is not None:
                return source, place
        return found[0] if found else None

    # What was fetched.

    def _keep(self, ahead: Ahead, reply: Reply) -> None:
        """Keep an answer that was fetched ahead, unless somebody wrote since its read was sent."""
        if isinstance(reply, SendAlone):
            reply.slot.release()
        elif isinstance(reply, StreamedAnswer):
            reply.finish()
        if not isinstance(reply, BufferedAnswer) or reply.outcome is not Outcome.MERGED:
            return
        visit, own, now = ahead.visit, reply.slice, self._clock()
        ahead.loop.fetched_keys += 1
        if own.head[9:12] not in USABLE or own.rows < 0 or not self._is_current(ahead.fetch, now):
            return
        entry = MemoEntry(own, reply.call, reply.shared, ahead.fetch, ahead.uses)
        visit.memory.put(ahead.key, entry, self._settings.max_age, now)
        if own.rows > 0:
            visit.memory.remember(visit.request.query, visit.caller, RememberedAnswer(own.body))
        self._memories.keep_bound(now)


def _column(source: ValueSource, place: Place) -> tuple[str, str]:
    return source.fingerprint, place.column


def _filter(visit: TraceVisit, varied: VariedKey) -> tuple[str, str]:
    """The relation and the column of the filter whose literal varies."""
    return visit.request.query.relation, varied.key.name.decode("utf-8", "replace")


def _within(values: dict[bytes, int], room: int) -> Iterable[tuple[bytes, int]]:
    """The first of ``values`` that have at most ``room`` bytes in a target together, but for those that are long."""
    for literal, uses in values.items():
        if not literal or len(literal) > MAX_LITERAL:
            continue
        room -= len(literal) + 2 * len(literal.translate(None, PLAIN_BYTES)) + SEPARATOR
        if room < 0:
            return
        yield literal, uses
