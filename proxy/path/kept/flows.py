"""What earlier traces have shown: which list feeds which loop, how far the loop goes, and whether it is worth it.

Source: docs/explanation/prefetching.md#learned-flows.
"""

from collections.abc import Iterator

import msgspec

from proxy.bounded_table import MAX_BYTES, BoundedTable

TRACES = 3
"""Traces in a row in which a flow has to hold before the first read of the loop fetches ahead."""
WEIGHT = 0.3
"""Weight of the latest trace in the share of the list that a loop reads."""
WHOLE = 0.8
"""From this share on, a loop is taken to read the whole list."""
LEAST_FETCHED = 16
"""Keys that have to be fetched ahead before it is judged how many of them were used."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3600.0
"""Seconds for which a query fetches nothing ahead after less than half was used; each pause doubles the next one."""

FlowName = tuple[str, bytes, str]
"""The fingerprint of the loop, the column of its key, and the route."""


class Flow(msgspec.Struct):
    """A column of the answers to one query that feeds a loop."""

    source: str
    """The fingerprint of that query."""
    column: str
    held: int = 0
    """Traces in a row in which it was so."""
    share: float = 1.0
    """Moving average of the share of the values that the loop asked for."""
    fetched: int = 0
    """Keys that were fetched ahead since fanin started."""
    used: int = 0

    @property
    def is_certain(self) -> bool:
        """Whether the first read of the loop fetches ahead."""
        return self.held >= TRACES

    def length(self, values: int) -> int:
        """How many of ``values`` that follow the loop is expected to read."""
        return values if self.share >= WHOLE else int(self.share * values)


class _Use(msgspec.Struct):
    fetched: int = 0
    used: int = 0
    pause: float = FIRST_PAUSE
    paused_until: float = float("-inf")


class Flows:
    """The flows of all traces, at most ``limit``, and the queries that fetch nothing ahead for a while."""

    def __init__(self, limit: int, max_bytes: int = MAX_BYTES) -> None:
        self.table: BoundedTable[FlowName, Flow] = BoundedTable(limit, max_bytes)
        self.uses: BoundedTable[str, _Use] = BoundedTable(limit, max_bytes)
        self.pauses = 0
        """How often a query was paused."""

    def certain(self, name: FlowName) -> Flow | None:
        """The flow by which the first read of a loop fetches ahead, if there is one."""
        flow = self.table.get(name)
        return flow if flow is not None and flow.is_certain else None

    def record_held(self, name: FlowName, source: str, column: str, share: float) -> None:
        """In one trace ``column`` of ``source`` fed the loop, which asked for this share of the values."""
        flow = self.table.get(name)
        if flow is None or (flow.source, flow.column) != (source, column):
            flow = Flow(source, column, share=share)
        flow.held += 1
        flow.share += WEIGHT * (share - flow.share)
        fingerprint, key, route = name
        self.table.put(name, flow, len(fingerprint) + len(key) + len(route) + len(source) + len(column))

    def record_broken(self, name: FlowName) -> None:
        """In one trace the loop did not go on as the flow says."""
        flow = self.table.get(name)
        if flow is not None:
            flow.held = 0

    def record_use(self, name: FlowName, fetched: int, used: int, now: float) -> None:
        """In one trace so many keys were fetched ahead for a query, and so many of them asked for."""
        if (flow := self.table.get(name)) is not None:
            flow.fetched, flow.used = flow.fetched + fetched, flow.used + used
        use = self.uses.get(name[0]) or _Use()
        self.uses.put(name[0], use, len(name[0]))
        use.fetched, use.used = use.fetched + fetched, use.used + used
        if use.fetched < LEAST_FETCHED:
            return
        if 2 * use.used < use.fetched:
            use.paused_until = now + use.pause
            use.pause = min(LONGEST_PAUSE, 2 * use.pause)
            self.pauses += 1
        else:
            use.pause = FIRST_PAUSE
        use.fetched = use.used = 0

    def is_paused(self, fingerprint: str, now: float) -> bool:
        """Whether the query fetches nothing ahead now."""
        use = self.uses.get(fingerprint)
        return use is not None and now < use.paused_until

    def paused(self, now: float) -> int:
        """Number of queries that fetch nothing ahead now."""
        return sum(now < use.paused_until for use in self.uses.values())

    def shown(self) -> Iterator[tuple[FlowName, Flow]]:
        """All flows, for reports."""
        yield from self.table.items()
