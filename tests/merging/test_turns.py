"""Many replies at one time leave other callbacks of the event loop their turn, and none is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from proxy.merging.batcher import Batcher
from proxy.merging.turns import MOST, in_turns
from proxy.merging.waiters import Reply, SendAlone
from proxy.observe.events import Events
from proxy.path.batches.batching import BatchScheduler, SchedulerRegistry
from tests.factories import member
from tests.path.batches.test_batching import SETTINGS

if TYPE_CHECKING:
    from proxy.model import PendingRequest

WIDE = 3 * MOST + 5


async def until_quiet() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_items_have_their_turn_at_once_and_others_theirs_in_between() -> None:
    turns: list[int] = []
    used: list[int] = []

    def other() -> None:
        turns.append(len(used))
        if len(used) < WIDE:
            asyncio.get_running_loop().call_soon(other)

    in_turns(range(WIDE), used.append)
    assert used == list(range(MOST))
    other()
    await until_quiet()
    assert used == list(range(WIDE))
    assert turns == [MOST, 2 * MOST, 3 * MOST, WIDE]


async def test_an_item_that_raises_takes_the_turn_of_no_other() -> None:
    used: list[int] = []

    def use(item: int) -> None:
        if item == 1:
            raise ValueError
        used.append(item)

    with pytest.raises(ValueError):  # noqa: PT011 – whatever it is
        in_turns(range(WIDE), use)
    await until_quiet()
    assert used == [0, *range(2, WIDE)]


class Client:
    """Waits without a task, as ``WaitingRequest`` does."""

    def __init__(self, batcher: Batcher, request: PendingRequest) -> None:
        self.batcher, self.request = batcher, request
        self.replies: list[Reply] = []

    def done(self) -> bool:
        return bool(self.replies)

    def take(self, reply: Reply) -> None:
        self.replies.append(reply)
        self.batcher.forget(self.request)


async def test_who_disconnects_before_its_turn_is_not_sent_and_all_others_are_once() -> None:
    registry = SchedulerRegistry(10, lambda: BatchScheduler(msgspec.structs.replace(SETTINGS, max_window=1000)))
    scheduler = registry.get("q", b"")
    assert scheduler is not None
    batcher = Batcher(registry, lambda scheduler, batch: None, Events(), lambda: 0.0)
    clients = [Client(batcher, member(f"/t?id=eq.{n}")) for n in range(WIDE)]
    for client in clients:
        batcher.enter(scheduler, client.request, client)
    await until_quiet()
    batcher.release_each(scheduler, [client.request for client in clients])
    batcher.leave(clients[-1].request)
    await until_quiet()
    assert [len(client.replies) for client in clients] == [1] * (WIDE - 1) + [0]
    assert scheduler.in_flight == WIDE - 1
    for client in clients[:-1]:
        assert isinstance(client.replies[0], SendAlone)
        client.replies[0].slot.release()
    assert scheduler.idle
    assert batcher.waiting == 0
