"""Random reads around a write that changes many rows at once: each is answered from before it or from after it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.e2e.support.answer_differences import differences
from tests.e2e.support.burst_generator import LARGEST_BURST, Burst, BurstRequest
from tests.e2e.support.connections import Connections
from tests.e2e.support.decision_table import Row
from tests.e2e.support.differential import DIRECT_CONNECTIONS, LONG_DEADLINE, NO_PAUSES
from tests.e2e.support.harness import fanin
from tests.e2e.support.literals import Random, lists, one_of, uuid_of
from tests.e2e.support.request_templates import HEADS, Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.conftest import Stack
    from tests.e2e.support.raw_client import RawAnswer


def _ids(chance: Random) -> str:
    return str(chance.randrange(1, 66))


def _few(chance: Random) -> str:
    return str(chance.randrange(1, 15))


def _uuids(chance: Random) -> str:
    return uuid_of(f"moved:{chance.randrange(0, 33)}")


_NOTES = one_of([f"{side} {n}" for side in ("high", "low") for n in range(1, 40)])
READS = (
    *(Template(target, _ids) for target in ("/moved?id=eq.{}", "/moved?id=eq.{}&select=note&limit=1")),
    *(Template(target, _ids) for target in ("/moved?id=eq.{}&select=id,num(title)", "/moved?id=eq.{}&select=*,nap")),
    *(
        Template(target, _few)
        for target in ("/moved?k=eq.{}&order=id", "/moved?k=eq.{}&select=id,note&order=id&limit=3")
    ),
    *(Template(target, _few) for target in ("/num?id=eq.{}&select=id,moved(id,note)&moved.order=id",)),
    *(Template(target, _uuids) for target in ("/moved?u=eq.{}&select=id,note&order=id.desc",)),
    *(Template(target, _NOTES) for target in ("/moved?note=eq.{}",)),
    *(Template(target, lists) for target in ("/moved?k=in.{}&select=k,note&order=id",)),
    *(Template(target, _few) for target in ("/moved?id=gt.{}&order=id&limit=4&offset=0", "/moved?id=lt.{}&order=id")),
)
"""Reads of rows that the write changes, moves, takes away and brings back; some are so slow that it overtakes them."""
REPEAT_CHANCES = (0.1, 0.6)
"""How likely a read is made again behind the write: one that began with it or after it, and one from before it."""
PLAN_REQUESTED = {"Accept: application/vnd.pgrst.plan+json"}
STABLE_HEADS = tuple(head for head in HEADS if Row.PLANNED not in head.rows and PLAN_REQUESTED.isdisjoint(head.lines))
"""Heads whose answers do not hang on what Postgres estimates, which a write may change later."""


@dataclass
class WriteReport:
    """What was seen around writes."""

    bursts: int = 0
    requests: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def see(self, one: BurstRequest, before: RawAnswer, after: RawAnswer, answer: RawAnswer, late: bool) -> None:
        """``late`` reads were sent when the write was acknowledged: only the state after it will do."""
        self.requests += 1
        old, new = differences(before, answer), differences(after, answer)
        if new and (old or late):
            what = "sent after the write, and answered" if late else "answered as neither before nor after the write"
            self.faults.append("\n".join([what, one.request.decode(), *new]))
        if late:
            self.outcomes["late"] += 1
        elif bool(old) != bool(new):
            self.outcomes["after" if old else "before"] += 1

    def saw_each(self, count: int) -> bool:
        """Whether each outcome was seen so many times."""
        return all(self.outcomes[name] >= count for name in ("before", "after", "late"))

    def __iadd__(self, other: WriteReport) -> Self:
        self.bursts += other.bursts
        self.requests += other.requests
        self.outcomes += other.outcomes
        self.faults += other.faults
        return self

    def __str__(self) -> str:
        told = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        return "\n".join([f"{self.requests} requests around {self.bursts} writes: {told}", *self.faults[:5]])


def _write_request(high: bool) -> BurstRequest:
    """The write: all of it in one transaction."""
    body = b'{"high":true}' if high else b'{"high":false}'
    lines = ("POST /rpc/turn HTTP/1.1", "Host: h", "Content-Type: application/json", f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in (*lines, ""))
    return BurstRequest(head.encode() + body)


async def read_around_writes(stack: Stack, made: Iterable[Burst], chance: Random, **changes: Any) -> WriteReport:
    """Send every burst through a fanin, with a write through it in the midst, and each request alone before and after.

    ``changes`` are of fanin's settings.
    """
    seen, high = WriteReport(), True
    async with (
        fanin(stack.url, **(LONG_DEADLINE | NO_PAUSES | changes)) as sidecar,
        Connections(sidecar.port, LARGEST_BURST) as through,
        Connections(sidecar.port, 1) as writer,
        Connections(stack.url, DIRECT_CONNECTIONS) as alone,
    ):
        await writer.together([_write_request(not high)])
        for one in made:
            late = [
                asked for at, asked in enumerate(one.requests) if chance.random() < REPEAT_CHANCES[at < len(one.first)]
            ]
            before = await alone.alone(one.requests)
            answers = await _read_around(_write_request(high), one, late, through, writer, chance.randrange(240))
            after = await alone.alone([*one.requests, *late])
            cut = len(one.requests)
            for parts in zip(one.requests, before, after, answers, strict=False):
                seen.see(*parts, late=False)
            for parts in zip(late, after[cut:], after[cut:], answers[cut:], strict=True):
                seen.see(*parts, late=True)
            seen.bursts += 1
            high = not high
    return seen


async def _read_around(
    write: BurstRequest,
    made: Burst,
    late: Sequence[BurstRequest],
    through: Connections,
    writer: Connections,
    turns: int,
) -> list[RawAnswer]:
    """Two waves, the write ``turns`` of the loop after the first, and the late reads when it is acknowledged."""
    first = asyncio.ensure_future(through.together(made.first))
    for _ in range(turns):
        await asyncio.sleep(0)
    written = asyncio.ensure_future(writer.together([write]))
    rest = asyncio.ensure_future(through.together(made.rest, len(made.first)))
    (answer,) = await written
    assert answer.status in (200, 204), answer
    behind = await through.together(late, len(made.requests))
    return [*await first, *await rest, *behind]
