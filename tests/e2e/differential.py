"""Random bursts, each request also sent alone to PostgREST: whatever differs is a fault of fanin."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.model import Outcome
from proxy.observe.events import Answered, Called, Event, Replayed
from tests.e2e.bursts import burst, sockets
from tests.e2e.compare import differences
from tests.e2e.harness import ask, fanin
from tests.e2e.queries import LARGEST, Choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.e2e.raw import RawAnswer, RawClient


@dataclass
class Report:
    """What a run compared and saw."""

    seed: int
    requests: int = 0
    merged: int = 0
    shared: int = 0
    replayed: int = 0
    direct: int = 0
    """Calls that it takes without fanin: one a request."""
    calls: int = 0
    """Upstream calls through fanin."""
    refusals: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def watch(self, event: Event) -> None:
        if isinstance(event, Answered):
            self.merged += event.span.outcome is Outcome.MERGED
            self.shared += event.span.outcome is Outcome.SHARED
            self.replayed += event.span.outcome is Outcome.REPLAYED
            if event.span.refusal:
                self.refusals[event.span.refusal] += 1
        elif isinstance(event, Called):
            self.calls += 1
        elif isinstance(event, Replayed):
            self.doubts[event.reason] += 1

    def __str__(self) -> str:
        merged, shared = (100 * some / max(1, self.requests) for some in (self.merged, self.shared))
        lines = [
            f"seed {self.seed}: {self.requests} requests, {merged:.0f} % merged, {shared:.0f} % shared,"
            f" {self.replayed} replayed",
            f"upstream calls: {self.direct} direct, {self.calls} through fanin",
            f"refusals: {dict(self.refusals.most_common())}",
            f"doubts: {dict(self.doubts.most_common())}",
        ]
        return "\n".join([*lines, *self.faults[:5]])


async def compare(url: str, seed: int, made: Iterator[list[bytes]], enough: int = 10**9) -> Report:
    """Send every burst through a fanin in this process, and each request alone; stop after ``enough`` faults."""
    report = Report(seed)
    # A pause after a failure would hide what the next burst could show; a busy machine is not what this is about.
    changes = {"merge__pause_first": 1e-9, "merge__pause_max": 1e-9, "merge__deadline_floor": 10.0}
    async with fanin(url, **changes) as sidecar, sockets(sidecar.port, LARGEST) as clients, sockets(url, 4) as alone:
        sidecar._events.subscribe(report.watch)
        known: dict[bytes, RawAnswer] = {}
        chance = random.Random(seed)
        for requests in made:
            through = await _waves(clients, requests, chance)
            await _ask_alone(url, alone, [request for request in set(requests) if request not in known], known)
            report.requests += len(requests)
            report.direct += len(requests)
            for request, two in zip(requests, through, strict=True):
                found = differences(known[request], two)
                if found:
                    report.faults.append("\n".join([request.decode(), *found]))
            if len(report.faults) >= enough:
                break
    return report


async def _waves(clients: Sequence[RawClient], requests: list[bytes], chance: Choice) -> list[RawAnswer]:
    """All at once, or in waves some turns of the loop apart, so that some come while others are in flight."""
    cut = chance.choice((0, 0, chance.randrange(len(requests))))
    first = asyncio.gather(burst(clients, requests[:cut]))
    for _ in range(chance.randrange(30) if cut else 0):
        await asyncio.sleep(0)
    rest = await burst(clients[cut:], requests[cut:])
    return (await first)[0] + rest


async def _ask_alone(
    url: str, clients: Sequence[RawClient], requests: list[bytes], known: dict[bytes, RawAnswer]
) -> None:
    """Each request alone on its connection; nothing is written meanwhile, so an answer stays right."""
    heads = [request for request in requests if request.startswith(b"HEAD")]
    for request in heads:
        known[request] = await ask(url, request)  # after which PostgREST closes
    others = [request for request in requests if request not in known]
    for at in range(0, len(others), len(clients)):
        some = others[at : at + len(clients)]
        known.update(zip(some, await burst(clients, some), strict=True))
