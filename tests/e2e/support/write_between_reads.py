"""A write between two equal reads, of which the first is still in flight when the second is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.support.bursts import get, sockets
from tests.e2e.support.harness import fanin
from tests.e2e.support.unusual_types import wait_until_running

if TYPE_CHECKING:
    from tests.conftest import Stack
    from tests.e2e.support.raw_client import RawAnswer


async def read_around_a_write(unusual: Stack, row: int, more: str = "") -> tuple[RawAnswer, RawAnswer]:
    """Start a slow read of ``row``, change the row, read it again once the write is acknowledged; both reads.

    ``more`` is put at the end of the read's query.
    """
    slow = get(f"/acc?select=id,note,nap&id=eq.{row}{more}")
    body = b'{"note":"after"}'
    lines = ("Host: h", "Content-Type: application/json", f"Content-Length: {len(body)}", "", "")
    write = "\r\n".join((f"PATCH /acc?id=eq.{row} HTTP/1.1", *lines)).encode() + body
    async with (
        fanin(unusual.url, merge__deadline_floor=10.0) as sidecar,
        sockets(sidecar.port, 3) as (reader, writer, late),
    ):
        await reader.send(slow)
        await wait_until_running(unusual.dsn, "%nap%")
        await writer.send(write)
        assert (await writer.answer(b"PATCH")).status == 204
        await late.send(slow)
        return await reader.answer(), await late.answer()
