"""What `fanin explain` says of a write is what a running fanin does with it, on the real servers."""

from __future__ import annotations

import asyncio
import contextlib
import io
from typing import TYPE_CHECKING

import pytest

from proxy.commands.main import main
from tests.e2e.support.bursts import burst, sockets
from tests.e2e.support.harness import fanin
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import schema_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
BODY = '{"name":"changed"}'
ROWS = (1, 2, 3, 4)


@pytest.fixture
def tables(stack: Stack) -> Iterator[Stack]:
    with schema_of_file(stack, "merged_writes", "written") as made:
        yield made


def merged_write(tables: Stack, words: str, body: str, lines: tuple[str, ...]) -> list[str]:
    """The lines of the explanation that are about a merged write."""
    headers = [part for line in lines for part in ("-H", line)]
    sets = ("--set", 'catalog.schemas=["written"]', "--set", "rules.fan004=rewrite")
    data = ("--data", body) if body else ()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["explain", "--db-uri", tables.dsn, *sets, *data, *headers, words]) == 0
    said = out.getvalue().partition("Merged write ")[2]
    return [line.strip() for line in said.splitlines()]


async def outcomes(
    tables: Stack, method: str, target: str, body: str, lines: tuple[str, ...]
) -> dict[tuple[str, str], int]:
    """What a fanin did with such writes of four rows, sent together."""
    own = [*lines, "Content-Type: application/json", f"Content-Length: {len(body)}"] if body else list(lines)
    requests = [
        "\r\n".join(
            [
                f"{method} {target.format(row)} HTTP/1.1",
                "Host: h",
                f"Authorization: Bearer {tables.token}",
                *own,
                "",
                body,
            ]
        ).encode()
        for row in ROWS
    ]
    async with (
        fanin(
            tables.url,
            rules__fan004="rewrite",
            db_uri=tables.dsn,
            catalog__schemas=["written"],
            merge__deadline_floor=10.0,
        ) as sidecar,
        sockets(sidecar.port, len(ROWS)) as clients,
    ):
        seen = SidecarEvents(sidecar)
        await burst(clients, requests)
        return dict(seen.outcomes())


@pytest.mark.parametrize(
    ("method", "target", "body", "lines"),
    [
        ("PATCH", "/thing?id=eq.{}", BODY, ()),
        ("PATCH", "/thing?select=id,name&big=eq.900000000{}", BODY, ("Prefer: return=representation",)),
        ("DELETE", "/thing?id=eq.{}&team=eq.1", "", ()),
        ("PATCH", "/fed?id=eq.{}&name=eq.f", BODY, ("Prefer: return=minimal",)),
    ],
)
async def test_a_write_that_is_said_to_merge_does(
    tables: Stack, method: str, target: str, body: str, lines: tuple[str, ...]
) -> None:
    said = await asyncio.to_thread(merged_write, tables, f"{method} {target.format(1)}", body, lines)
    assert said[0].startswith("yes, with others")
    assert "in.(" in said[-1]
    found = await outcomes(tables, method, target, body, lines)
    assert sum(count for (outcome, _), count in found.items() if outcome == "merged") >= len(ROWS) - 1, found


@pytest.mark.parametrize(
    ("method", "target", "body", "lines", "reason"),
    [
        ("PATCH", "/thing?name=eq.name%20{}", '{"size":1}', (), "write-key"),
        ("PATCH", "/thing?team=eq.{}", BODY, (), "write-key"),
        ("PATCH", "/thing?id=eq.{}", '{"id":70}', (), "write-key"),
        ("PATCH", "/thing?id=eq.{}&and=(size.gt.1)", BODY, (), "write-form"),
        ("PATCH", "/thing?id=eq.{}", BODY, ("Prefer: missing=default",), "write-form"),
        ("PATCH", "/thing?id=eq.{}", "[]", (), "write-form"),
        ("PATCH", "/watched?id=eq.{}", BODY, (), "write-table"),
        ("DELETE", "/seen?id=eq.{}", "", (), "write-table"),
        ("DELETE", "/thing?id=eq.{}", "", ("X-Fanin: off",), "off"),
    ],
)
async def test_a_write_that_is_said_not_to_merge_is_passed_on_for_the_same_reason(
    tables: Stack, method: str, target: str, body: str, lines: tuple[str, ...], reason: str
) -> None:
    said = await asyncio.to_thread(merged_write, tables, f"{method} {target.format(1)}", body, lines)
    assert said[0].startswith(f"no: {reason}: ")
    assert await outcomes(tables, method, target, body, lines) == {("passed", reason): len(ROWS)}
