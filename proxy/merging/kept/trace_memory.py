"""What fanin remembers of one trace in order to fetch ahead: answers, loops, and what was fetched ahead."""

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator, Sequence

import msgspec

from proxy.model import Outcome, PendingRequest, Query, RequestHead
from proxy.path.kept.flows import FlowName, Flows
from proxy.path.kept.memo import Memo, MemoEntry, MemoKey
from proxy.path.kept.remembered import MAX_ANSWER, Place, RememberedAnswer, ValueSource
from proxy.path.kept.siblings import Shape, VariedKey, varied_keys
from proxy.prefetch_in_turn import MAX_IN_TURN

MAX_LOOPS = 256
"""Queries with one literal left out whose reads are counted in one trace."""
MAX_ANSWERS = 2000
"""Answers that are remembered of one trace."""
MAX_COLUMNS = 4
"""Columns for which a loop fetches ahead anew, after it has not gone on with the values of the one before."""
GAP_WEIGHT = 0.3
"""Weight of the latest pause in the average time that the client takes between two reads."""
PER_QUERY = (b"accept", b"prefer:", b"range", b"content-", b"cache-control:", b"pragma:")
"""Beginnings of the headers that a caller's queries differ in: how many rows, in which form."""
LOOP_BYTES = 500
"""Estimated bytes of a loop besides its texts."""


class Loop(msgspec.Struct, eq=False):
    """The reads of a trace that differ in the literal of one filter."""

    name: FlowName
    recent: tuple[bytes, ...] = ()
    """The literals of the last ones, the latest last."""
    in_flight: int = 0
    answered: float = -1.0
    """When the last one was answered; -1: none was."""
    gap: float = -1.0
    """Average time in seconds from an answer to the next read; -1: unknown."""
    source: ValueSource | None = None
    """The answers whose values it asks for; None if they are not known."""
    place: Place | None = None
    """Where the last literal stands in them."""
    left: int = 0
    """The number of values in the column when the place was found, with that at the place."""
    asked: int = 0
    """Reads of the values in their order since then."""
    searches: int = 0
    """Searches for the place that found none."""
    size: int = 0
    """Keys of the last fetch; 0: there was none."""
    used: int = 0
    """Those of them that were asked for and used."""
    was_dropped: bool = False
    """Whether others of them were asked for and could not be used: somebody wrote, or they were too old."""
    column: tuple[str, str] = ("", "")
    """The fingerprint of the list and the column whose values it asks for, or did last."""
    columns: int = 0
    """How often that changed."""
    fetched_keys: int = 0
    used_keys: int = 0
    is_guess: bool = False
    """Whether its first read fetched ahead, by what earlier traces have shown."""

    @property
    def last(self) -> bytes:
        """The literal of the last one; empty: there was none."""
        return self.recent[-1] if self.recent else b""

    @property
    def is_misled(self) -> bool:
        """Whether it asks for other values than those that follow in the column: most of a fetch was in vain."""
        return 2 * self.used < self.size and not self.was_dropped

    def bind(self, source: ValueSource, place: Place) -> None:
        """It asks for the values of a column of ``source``, and has come to ``place``."""
        column = source.fingerprint, place.column
        if column != self.column:
            self.column = column
            self.columns += 1
            if self.columns <= MAX_COLUMNS:
                self.size = self.used = 0
        self.source, self.place = source, place
        self.left, self.asked = source.left(place), 1

    def advance(self, literal: bytes) -> bool:
        """Go on to the next place of ``literal``; False if it is not among the values that follow."""
        if self.source is None or self.place is None:
            return False
        place = self.source.next_place(self.place, literal)
        if place is None:
            return False
        self.place = place
        self.asked += 1
        return True


class MemoCounts:
    """Counts over all traces, for metrics."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        """Requests by the result: a key of ``errors.words.MEMO_RESULTS``."""
        self.keys: Counter[str] = Counter()
        """Keys that were fetched ahead: ``used`` or ``unused``."""
        self.rows: Counter[str] = Counter()
        """The rows of these."""
        self.held_bytes = 0
        """Estimated bytes of all memories."""


class TraceMemory:
    """What is remembered of one trace, in at most ``max_bytes``."""

    def __init__(self, route: str, flows: Flows, counts: MemoCounts, max_bytes: int) -> None:
        self.route = route
        self.size = 0
        """Estimated bytes."""
        self._flows = flows
        self._counts = counts
        self._max_bytes = max_bytes
        self._sources: OrderedDict[tuple[str, int], ValueSource] = OrderedDict()
        """By fingerprint and caller; the one with the latest answer last."""
        self._answers = 0
        self._loops: OrderedDict[Shape, Loop] = OrderedDict()
        self.memo = Memo()
        self.is_closed = False
        """Whether the trace has closed: nothing more is remembered of it."""

    # Answers.

    def remember(self, query: Query, caller: int, answer: RememberedAnswer) -> None:
        """Remember the answer with rows to a query like ``query``."""
        if self.is_closed:
            return
        key = query.fingerprint, caller
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = ValueSource(query.fingerprint, query.relation)
        self._sources.move_to_end(key)
        source.add(answer)
        self._grow(answer.size)
        self._answers += 1
        while self._sources and (self.size > self._max_bytes or self._answers > MAX_ANSWERS):
            self._forget_answer()

    def _forget_answer(self) -> None:
        key, source = next(iter(self._sources.items()))
        self._grow(-source.forget_first())
        self._answers -= 1
        if not len(source):
            del self._sources[key]

    def source(self, fingerprint: str, caller: int) -> ValueSource | None:
        """The answers to one query."""
        return self._sources.get((fingerprint, caller))

    def latest(self, caller: int) -> Iterator[ValueSource]:
        """The answers to all queries of a caller, those with the latest one first."""
        for (_, own), source in reversed(self._sources.items()):
            if own == caller:
                yield source

    # Loops.

    def loop(self, fingerprint: str, varied: VariedKey) -> Loop:
        """The loop that a read may belong to."""
        loop = self._loops.get(varied.shape)
        if loop is None:
            loop = self._loops[varied.shape] = Loop((fingerprint, varied.key.name, self.route))
            self._grow(LOOP_BYTES + len(varied.shape[1]) + len(varied.shape[2]))
            if len(self._loops) > MAX_LOOPS:
                self._forget_loop()
        self._loops.move_to_end(varied.shape)
        return loop

    def _forget_loop(self) -> None:
        shape, loop = self._loops.popitem(last=False)
        self._grow(-LOOP_BYTES - len(shape[1]) - len(shape[2]))
        self._conclude(loop, loop.answered)

    # Answers that were fetched ahead.

    def put(self, key: MemoKey, entry: MemoEntry, max_age: float, now: float) -> None:
        """Store an answer that was fetched ahead, and remove those that are too old."""
        if self.is_closed:
            self._count(entry)
            return
        replaced = self.memo.get(key)
        if replaced is not None:
            self.remove(key, replaced)
        before = self.memo.size
        self.memo.put(key, entry)
        self._grow(self.memo.size - before)
        while (oldest := self.memo.oldest()) is not None:
            if oldest[1].fetch.at >= now - max_age and self.size <= self._max_bytes:
                break
            self.remove(*oldest)

    def remove(self, key: MemoKey, entry: MemoEntry) -> None:
        """Remove an answer that is not used any more."""
        before = self.memo.size
        self.memo.remove(key)
        self._grow(self.memo.size - before)
        self._count(entry)

    def _count(self, entry: MemoEntry) -> None:
        result = "used" if entry.is_used else "unused"
        self._counts.keys[result] += 1
        self._counts.rows[result] += max(0, entry.slice.rows_read)

    def end(self, now: float) -> None:
        """The trace is over, or what is remembered of it is needed for others: learn from its loops."""
        for entry in self.memo.entries():
            self._count(entry)
        for loop in self._loops.values():
            self._conclude(loop, now)
        self.memo = Memo()
        self._loops.clear()
        self._sources.clear()
        self._answers = 0
        self._grow(-self.size)

    def _grow(self, size: int) -> None:
        self.size += size
        self._counts.held_bytes += size

    def _conclude(self, loop: Loop, now: float) -> None:
        wasted = loop.is_guess and 2 * loop.used_keys < loop.fetched_keys
        if loop.source is not None and loop.place is not None and loop.asked > 1 and not wasted:
            share = min(1.0, loop.asked / max(1, loop.left))
            self._flows.record_held(loop.name, loop.source.fingerprint, loop.place.column, share)
        else:
            self._flows.record_broken(loop.name)
        if loop.fetched_keys:  # after that, so that the first trace of a flow counts
            self._flows.record_use(loop.name, loop.fetched_keys, loop.used_keys, now)


class TraceMemories:
    """The memories of all open traces, in at most ``max_bytes``: those used longest ago are emptied."""

    def __init__(self, max_bytes: int, max_trace_bytes: int, max_flows: int) -> None:
        self.flows = Flows(max_flows)
        self.counts = MemoCounts()
        self.emptied = 0
        """Memories that were emptied because the bound was reached."""
        self._max_bytes = max_bytes
        self._max_trace_bytes = max_trace_bytes
        self._by_trace: OrderedDict[Hashable, TraceMemory] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_trace)

    @property
    def held_bytes(self) -> int:
        """Estimated bytes of all memories."""
        return self.counts.held_bytes

    @property
    def entries(self) -> int:
        """Answers that were fetched ahead and may still be used."""
        return sum(len(memory.memo) for memory in self._by_trace.values())

    def of(self, trace: Hashable, route: str) -> TraceMemory:
        """The memory of a trace, created if there is none."""
        memory = self._by_trace.get(trace)
        if memory is None:
            memory = self._by_trace[trace] = TraceMemory(route, self.flows, self.counts, self._max_trace_bytes)
        self._by_trace.move_to_end(trace)
        return memory

    def keep_bound(self, now: float) -> None:
        """Empty memories until the bound on bytes holds again."""
        while self.held_bytes > self._max_bytes and self._by_trace:
            trace = next(iter(self._by_trace))
            self._by_trace.move_to_end(trace)
            self._by_trace[trace].end(now)
            self.emptied += 1

    def forget(self, trace: Hashable, now: float) -> None:
        """The trace has closed."""
        memory = self._by_trace.pop(trace, None)
        if memory is not None:
            memory.end(now)
            memory.is_closed = True

    def clear(self, now: float) -> None:
        """Forget all traces."""
        for trace in list(self._by_trace):
            self.forget(trace, now)


class TraceVisit:
    """One request of a trace while it is answered."""

    def __init__(self, memory: TraceMemory, request: PendingRequest) -> None:
        self.memory = memory
        self.request = request
        self.caller = caller_of(request.head)
        query, head = request.query, request.head
        varied: Sequence[VariedKey] = ()
        if query.bypass_reason is None and not head.retry:
            varied = varied_keys(query, head.identity_hash)
        self.loops = [(each, memory.loop(query.fingerprint, each)) for each in varied]
        for _, loop in self.loops:
            loop.in_flight += 1
            if loop.answered >= 0:
                gap = max(0.0, request.arrived - loop.answered)
                loop.gap = gap if loop.gap < 0 else loop.gap + GAP_WEIGHT * (gap - loop.gap)

    def end(self, now: float) -> None:
        """The request was answered."""
        for varied, loop in self.loops:
            loop.in_flight -= 1
            loop.answered = now
            loop.recent = (*loop.recent[1 - MAX_IN_TURN :], varied.literal)

    def remember(self, body: bytes, coding: bytes, outcome: Outcome) -> None:
        """Remember the answer that the client got."""
        if outcome is Outcome.PREFETCHED or len(body) > MAX_ANSWER:
            return  # what was fetched ahead is remembered since then
        self.memory.remember(self.request.query, self.caller, RememberedAnswer(body, coding))


def caller_of(head: RequestHead) -> int:
    """A hash, keyed per process, of the identity without what a caller changes from query to query. It only decides
    which answers are searched for values, never whose answer a request gets.
    """
    lines = [line for line in head.identity.split(b"\r\n") if not line.lower().startswith(PER_QUERY)]
    return hash(b"\r\n".join(lines))
