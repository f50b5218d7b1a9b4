"""A model of when batches leave: clients in a closed loop, fanin, and upstream, on a machine with two cores.

It decides between policies of ``proxy.path.batches.batching`` without a machine's noise: only their relation counts,
and the real stack has the last word. ``python -m tests.bench.batching_model`` prints requests per second by policy and
by what a request costs fanin. Costs are in microseconds of CPU, measured on the real stack (48 connections, reads by
key).
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

CORES = 2.0
CLIENTS = (16, 48, 128)
CALL, KEY = 560.0, 14.0
"""What a merged call costs PostgREST and Postgres: for itself, and per key."""
CLIENT = 16.0
"""What a request costs the clients' process."""
MAX_WAIT, LINGER = 10_000.0, 1_000.0
"""The settings ``merge.max_wait`` and ``merge.linger``."""
READ, WRITE, SETTLE, SEND = 0.5, 0.3, 0.1, 0.1
"""Shares of fanin's cost of a request: until it waits in a window, to write its answer, to split the merged answer,
to plan and send the merged call."""
COSTS = (65, 45)
"""What a request costs fanin, apart from its call."""
OWN_CALL = 400.0
"""What a merged call costs fanin, half of it before it is sent."""
SPREAD = 0.25
"""Upstream's cost varies by this share."""


class Policy(NamedTuple):
    """When the waiting requests leave, besides when a call ends and when their wait is over."""

    send_first: bool
    """Whether an answered call sends the next batch before its own answers are written."""
    share: float | None = None
    """The share of the requests that go round with which a batch leaves."""
    least: int = 8
    """The fewest requests of such a batch."""
    most: int = 2
    """Calls in flight, that one included."""
    remembers: bool = True
    """Whether the requests that go round are the most that were there lately, or those that are there now."""


POLICIES = {
    "when a call ends": Policy(send_first=False),
    "at a quarter": Policy(False, 0.25),
    "at a third": Policy(False, 0.34),
    "at half": Policy(False, 0.5),
    "at half of those waiting and in flight": Policy(False, 0.5, remembers=False),
    "at half, at least 16": Policy(False, 0.5, least=16),
    "at half, at least 16, three calls": Policy(False, 0.5, least=16, most=3),
    "at a third, three calls": Policy(False, 0.34, most=3),
    "at half, next call before answers": Policy(True, 0.5),
}


class Model:
    """Each process takes one job after another; upstream takes each call by itself. A core is shared by what runs."""

    def __init__(self, policy: Policy, cost: float, clients: int, seed: int = 1) -> None:
        self._policy, self._cost, self._clients = policy, cost, clients
        self._random = random.Random(seed)
        self.now = self.idle = 0.0
        self.answered = self.calls = 0
        self._in_flight = self._out = self._waiting = 0
        self._going_round = 0.0
        self._fanin: deque[tuple[float, Callable[[], None]]] = deque()
        self._client: deque[tuple[float, Callable[[], None]]] = deque()
        self._upstream: list[tuple[float, int, Callable[[], None]]] = []
        """Calls by the virtual time of a call at which they end."""
        self._virtual = 0.0
        self._took: deque[float] = deque(maxlen=64)
        """How long the last calls took, as fanin sees it."""
        self._timer: float | None = None
        """When the open window is over."""

    def run(self, requests: int) -> float:
        """Requests per second."""
        for _ in range(self._clients):
            self._client.append((CLIENT, self._ask))
        while self.answered < requests:
            self._step()
        return 1e6 * self.answered / self.now

    def _step(self) -> None:
        """Let what runs go on until the first of it ends."""
        queues = [queue for queue in (self._fanin, self._client) if queue]
        running = len(queues) + len(self._upstream)
        rate = min(1.0, CORES / running) if running else 1.0
        left = [queue[0][0] for queue in queues]
        if self._timer is not None:
            left.append(max(0.0, self._timer - self.now) * rate)
        if self._upstream:
            left.append(self._upstream[0][0] - self._virtual)
        work = min(left)
        self.now += work / rate
        self.idle += max(0.0, CORES - running) / CORES * work / rate
        self._virtual += work
        for queue in queues:
            remaining, done = queue[0]
            if remaining <= work:
                queue.popleft()
                done()
            else:
                queue[0] = (remaining - work, done)
        if self._timer is not None and self._timer <= self.now + 1e-6:
            self._timer = None
            self._fanin.append((0.0, self._send))
        while self._upstream and self._upstream[0][0] <= self._virtual + 1e-9:
            heapq.heappop(self._upstream)[2]()

    def _ask(self) -> None:
        self._fanin.append((READ * self._cost, self._arrive))

    def _arrive(self) -> None:
        self._waiting += 1
        share, going_round = self._policy.share, float(self._waiting + self._out)
        if self._policy.remembers:
            going_round = max(going_round, self._going_round)
        if self._waiting == 1:
            longest = min(MAX_WAIT, sorted(self._took)[len(self._took) // 2] / 2 if self._took else MAX_WAIT)
            self._timer = self.now + (longest if self._in_flight else min(LINGER, longest))
        enough = share is not None and self._waiting >= max(self._policy.least, share * going_round)
        if enough and self._in_flight < self._policy.most:
            self._send()

    def _send(self) -> None:
        self._going_round = max(0.98 * self._going_round, self._waiting + self._out)
        keys, self._waiting, self._timer = self._waiting, 0, None
        if keys:
            self._in_flight += 1
            self._out += keys
            began = self.now
            self._fanin.appendleft((OWN_CALL / 2 + SEND * self._cost * keys, lambda: self._sent(keys, began)))

    def _sent(self, keys: int, began: float) -> None:
        self.calls += 1
        cost = (CALL + KEY * keys) * self._random.uniform(1 - SPREAD, 1 + SPREAD)
        settle = (OWN_CALL / 2 + SETTLE * self._cost * keys, lambda: self._settle(keys, began))
        heapq.heappush(self._upstream, (self._virtual + cost, self.calls, lambda: self._fanin.append(settle)))

    def _settle(self, keys: int, began: float) -> None:
        self._took.append(self.now - began)
        self._in_flight -= 1
        self._out -= keys
        for _ in range(keys):
            self._fanin.append((WRITE * self._cost, self._answer))
        if self._policy.send_first:
            self._send()
        else:
            self._fanin.append((0.0, self._send))

    def _answer(self) -> None:
        self.answered += 1
        self._client.append((CLIENT, self._ask))


def main() -> None:
    """Print a Markdown table."""
    cases = [(cost, clients) for clients in CLIENTS for cost in COSTS]
    print("| policy | " + " | ".join(f"{clients} clients, {cost} µs" for cost, clients in cases) + " |")
    print("|---|" + "---|" * len(cases))
    for name, policy in POLICIES.items():
        cells = []
        for cost, clients in cases:
            model = Model(policy, cost, clients)
            rate = model.run(40_000)
            cells.append(f"{rate:,.0f}/s, {model.answered / model.calls:.0f} keys, idle {model.idle / model.now:.0%}")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
