"""A merger whose calls end when and as a test says, and whose clock stands still."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from proxy.config import Settings
from proxy.model import Column, Share
from proxy.observe.events import Event, Events, Replayed, Warned
from proxy.path.columns import Columns
from proxy.path.evidence import RowEvidence
from proxy.path.shadow import Pauses
from proxy.path.singular import Templates
from proxy.postgrest.gateway import POSTGREST
from proxy.sections import Merge
from proxy.shell.merger import Merger, Served, Ticket
from tests.made import member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from proxy.model import Merged
    from proxy.shell.fetch import Result
    from proxy.shell.oracle import Oracle


def shares(call: Merged) -> Result:
    return {value: Share(b"", value.removeprefix(b"eq."), 1) for value in call.owners}


class Calls:
    """A fetcher whose calls wait until they are let go; then ``answer`` says what comes of them."""

    def __init__(self, answer: Callable[[Merged], Result] = shares) -> None:
        self.answer = answer
        self.made: list[Merged] = []
        self.going = asyncio.Event()
        self.going.set()
        self.place = asyncio.Event()
        self.place.set()
        self.cancelled = 0

    async def fetch(self, call: Merged, alias: bytes, leaves: Callable[[], None]) -> Result:
        self.made.append(call)
        try:
            await self.place.wait()
            leaves()
            await self.going.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.answer(call)


class Told:
    """An oracle that is never asked."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def known(self, relation: str) -> Mapping[bytes, Column]:
        return self.columns.of(relation, 0.0)

    def refused(self, relation: str, name: bytes, type_name: str, literal: bytes) -> None:
        self.columns.refuse(relation, name, type_name, literal, 0.0)

    def questions(self, _: object) -> list[bytes]:
        return []


class Made:
    """A merger, what it said, and a clock that stands still."""

    def __init__(self, calls: Calls, **merge: Any) -> None:
        self.calls = calls
        self.now = 0.0
        self.said: list[Event] = []
        self.evidence = RowEvidence(None, 60.0)
        events = Events()
        events.subscribe(self.said.append)
        settings = Settings(merge=Merge(**{"deadline_floor": 30.0, "max_wait": 30.0, **merge}))
        self.mistrusted = Pauses(60.0, 3600.0, 10)
        self.columns = Columns(60.0, 9)
        oracle = cast("Oracle", Told(self.columns))
        more = (oracle, self.evidence, events, lambda: self.now, Templates(10), self.mistrusted)
        self.merger = Merger(settings, POSTGREST, calls, *more)

    def ask(self, *targets: str) -> list[asyncio.Task[Served | Ticket]]:
        members = [member(target) for target in targets]
        return [asyncio.create_task(self.merger.ask(one)) for one in members]

    def doubts(self) -> list[str]:
        return [event.reason for event in self.said if isinstance(event, Replayed)]

    def assert_at_rest(self) -> None:
        """Nobody waits, nothing is in flight, no timer runs, and nothing was a bug."""
        assert self.merger.waiting == 0
        assert not self.merger._windows.timers
        assert not self.merger._tasks
        assert all(gate.idle for gate in self.merger._windows.gates._gates.values())
        assert not [event for event in self.said if isinstance(event, Warned)]


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def ids(*numbers: int) -> list[str]:
    return [f"/t?id=eq.{number}" for number in numbers]


async def finish(tasks: list[asyncio.Task[Served | Ticket]]) -> list[Served | Ticket]:
    """Every reply; tickets are used as the pipeline uses them."""
    replies = await asyncio.gather(*tasks)
    for reply in replies:
        if isinstance(reply, Ticket):
            reply.done(0.01)
    await turns()
    return replies


def bodies(replies: list[Served | Ticket]) -> list[bytes | None]:
    return [reply.share.body if isinstance(reply, Served) else None for reply in replies]
