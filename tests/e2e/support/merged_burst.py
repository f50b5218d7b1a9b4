"""A burst through a fresh fanin: the answers are PostgREST's own, and the statements are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.observe.events import Event, UpstreamCalled
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, statement_counter, together
from tests.e2e.support.harness import fanin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack


def reads_of_num(numbers: Sequence[int], *lines: str) -> list[bytes]:
    return [get(f"/num?id=eq.{n}", *lines) for n in numbers]


def calls_of(sidecar: Sidecar) -> list[str]:
    """The kinds of the upstream calls that it makes from now on."""
    kinds: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, UpstreamCalled):
            kinds.append(event.kind)

    sidecar._events.subscribe(watch)
    return kinds


async def statements_of_burst(unusual: Stack, requests: Sequence[bytes], at_most: int, **changes: object) -> int:
    """All answers through a fresh fanin are PostgREST's own; how many statements it took."""
    direct = await one_by_one(unusual.url, requests)
    changes = {"merge__deadline_floor": 10.0} | changes
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, **changes) as sidecar:
        await counter.reset()
        through = await together(sidecar.port, requests)
        taken = await counter.statements()
        assert sidecar.policy.default.merger.batcher.waiting == 0
    assert_all_same(requests, direct, through)
    assert taken <= at_most
    return taken
