"""JSON of the API for learned flows: which list feeds which loop, and how much of what was fetched ahead was used."""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from proxy.observe.confirmed_names import ConfirmedNames
from proxy.prefetch_in_turn import IN_TURN

MAX_FLOWS = 200
"""Maximum number of flows in an answer: those for which most was fetched ahead."""
LEARNING, CERTAIN, PAUSED = "learning", "certain", "paused"


class LearnedFlow(Protocol):
    """A flow as it was learned (``proxy.path.kept.flows``)."""

    source: str
    column: str
    held: int
    share: float
    fetched: int
    used: int

    @property
    def is_certain(self) -> bool:
        """Whether the first read of the loop fetches ahead."""
        ...


class LearnedFlows(Protocol):
    """The flows by fingerprint of the loop, column of its key, and route."""

    def shown(self) -> Iterator[tuple[tuple[str, bytes, str], LearnedFlow]]:
        """All flows."""
        ...

    def is_paused(self, fingerprint: str, now: float) -> bool:
        """Whether the query fetches nothing ahead now."""
        ...


class FlowView(msgspec.Struct, frozen=True):
    """A column of a list whose values a loop reads one by one."""

    list: str
    """The fingerprint of the list."""
    column: str
    """The column of the list that has the values; several with commas if they are read in turn."""
    loop: str
    """The fingerprint of the reads in the loop."""
    key: str
    """The column by which they filter."""
    route: str
    held: int
    """Traces in a row in which it was so."""
    share: float
    """Moving average of the share of the list that the loop reads, from 0 to 1."""
    fetched: int
    """Keys that were fetched ahead since fanin started."""
    used: int
    """Those of them that the loop asked for."""
    hit_ratio: float | None
    """``used`` by ``fetched``; None if nothing was fetched ahead."""
    state: str
    """``certain``: the first read of the loop fetches ahead; ``learning``: the second one does; ``paused``: none."""


def flow_views(flows: LearnedFlows, names: ConfirmedNames, now: float) -> list[FlowView]:
    """The flows of which all names may be shown, those with the most keys first; ``now`` is the clock of ``flows``."""
    shown = (
        _view(name, flow, flows.is_paused(name[0], now))
        for name, flow in flows.shown()
        if names.may_show(name[0]) and names.may_show(flow.source)
    )
    return sorted(shown, key=lambda view: (-view.fetched, view.list, view.loop, view.route))[:MAX_FLOWS]


def _view(name: tuple[str, bytes, str], flow: LearnedFlow, paused: bool) -> FlowView:
    loop, key, route = name
    return FlowView(
        list=flow.source,
        column=flow.column.replace(IN_TURN, ", "),
        loop=loop,
        key=key.decode("utf-8", "replace"),
        route=route,
        held=flow.held,
        share=round(flow.share, 3),
        fetched=flow.fetched,
        used=flow.used,
        hit_ratio=round(flow.used / flow.fetched, 3) if flow.fetched else None,
        state=PAUSED if paused else CERTAIN if flow.is_certain else LEARNING,
    )
