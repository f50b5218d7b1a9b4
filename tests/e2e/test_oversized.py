"""Lists that upstream's head limit refuses, and what upstream says to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.bursts import counting, get
from tests.e2e.compare import differences
from tests.e2e.harness import ask, fanin
from tests.e2e.odd import odd_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack
    from tests.e2e.harness import RawAnswer

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
UPSTREAM_TAKES = 51_202


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        yield made


def sized(size: int, method: str = "GET") -> bytes:
    """A request with a head of ``size`` bytes, made so by its list."""
    empty = get("/num?id=in.()&select=id").replace(b"GET", method.encode())
    elements = b",".join(b"%d" % (1 + n % 900_000) for n in range(size // 2))[: size - len(empty)]
    if elements.endswith(b","):
        elements = elements[:-1] + b"1"
    return empty.replace(b"()", b"(" + elements + b")")


def assert_equal(direct: RawAnswer, through: RawAnswer) -> None:
    """Fail with the beginnings of what differs: these heads and bodies are long."""
    assert not [difference[:300] for difference in differences(direct, through)]


@pytest.mark.parametrize("size", [UPSTREAM_TAKES + 1, 65_536, 65_537, 100_000, 300_000, 1_000_000])
async def test_upstreams_refusal_is_passed_back_as_it_came(odd: Stack, size: int) -> None:
    request = sized(size)
    assert len(request) == size
    direct = await ask(odd.url, request)
    async with counting(odd.dsn) as counter, fanin(odd.url) as sidecar:
        await counter.reset()
        through = await ask(sidecar.port, request)
        assert await counter.statements() == 0
        assert sidecar.gauges()["long_head_bytes"] == 0
    assert_equal(direct, through)
    assert (through.status, through.body, through.complete) == (400, b"Bad Request", True)


async def test_a_head_that_upstream_takes_is_nobodys_business(odd: Stack) -> None:
    request = sized(UPSTREAM_TAKES)
    direct = await ask(odd.url, request)
    async with counting(odd.dsn) as counter, fanin(odd.url, upstream_host="client") as sidecar:
        await counter.reset()
        assert_equal(direct, await ask(sidecar.port, request))
        assert await counter.statements() == 1
    assert direct.status == 200


@pytest.mark.parametrize(("method", "size"), [("GET", 1_100_000), ("POST", 100_000), ("HEAD", 100_000)])
async def test_a_head_beyond_its_limit_is_431(odd: Stack, method: str, size: int) -> None:
    async with counting(odd.dsn) as counter, fanin(odd.url) as sidecar:
        await counter.reset()
        assert (await ask(sidecar.port, sized(size, method))).status == 431
        assert await counter.statements() == 0
