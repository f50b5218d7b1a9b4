"""A faulty network between fanin and PostgREST: connections are reset, closed or stalled at random."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

FAULTLESS_SHARE = 0.6
"""The share of connections without a fault."""
RESET_SHARE = 0.02
"""The share of requests whose connection is reset as soon as they were passed on."""
STALLS = (0.05, 1.5)
"""Seconds that a connection may be silent: some are longer than fanin's timeouts."""
NO_LINGER = struct.pack("ii", 1, 0)


class FaultyNetwork:
    """Listens on ``port`` while there is a server to pass requests to; ``faults`` counts what it did."""

    def __init__(self, seed: int) -> None:
        self.port = 0
        self._target = 0
        self.faults: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, target: int) -> None:
        """From now on connections are accepted, for the server on port ``target``."""
        self._target = target
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Nobody is there any more: connections are refused."""
        if self._server is not None:
            self._server.close()

    async def __aenter__(self) -> Self:
        await self.start(0)
        self.stop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_target = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self.faults["refused"] += 1
            _reset(writer)
            return
        up = asyncio.create_task(self._ask(reader, to_target[1], writer))
        try:
            await self._answer(to_target[0], writer)
        except OSError:
            self.faults["lost"] += 1
        finally:
            up.cancel()
            for one in (writer, to_target[1]):
                one.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        """Pass requests on; after some, nobody hears what became of them."""
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                to.write(data)
                await to.drain()
                if self._chance.random() < RESET_SHARE:
                    self.faults["unheard"] += 1
                    _reset(back)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass answers on until the connection's fault is due."""
        fault = None if self._chance.random() < FAULTLESS_SHARE else self._chance.choice(("reset", "cut", "stall"))
        left = int(self._chance.expovariate(1 / 4000))
        while data := await reader.read(1 << 16):
            if fault is not None and len(data) > left:
                writer.write(data[:left])
                self.faults[fault] += 1
                if fault != "stall":
                    _close(writer) if fault == "cut" else _reset(writer)
                    return
                data, fault = data[left:], None
                await asyncio.sleep(self._chance.uniform(*STALLS))
            left -= len(data)
            writer.write(data)
            await writer.drain()


def _close(writer: asyncio.StreamWriter) -> None:
    """Close as a server does that ends: what was written is sent first."""
    writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, whatever is still under way."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()
