"""What aiohttp answers by itself on the admin port says nothing of the request."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from proxy.admin.quiet_errors import Runner, refuse_expectation
from tests.e2e.support.harness import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = b"hush7f3a91c4"


@asynccontextmanager
async def port() -> AsyncIterator[int]:
    """The port of an application that has one page."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="a page")

    application = web.Application()
    application.router.add_get("/", page)
    application.on_response_prepare.append(refuse_expectation)
    runner = Runner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /%b HTTP/9.x\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n%b: \x00\r\n\r\n",
        b"%b\r\n\r\n",
    ],
)
async def test_a_malformed_head_is_answered_without_its_bytes(request_head: bytes) -> None:
    async with port() as number:
        answer = await ask(number, request_head.replace(b"%b", SECRET))
    assert answer.status == 400
    assert answer.body == b"Bad Request\n"
    assert SECRET not in answer.head


async def test_an_unknown_expectation_is_not_repeated() -> None:
    async with port() as number:
        answer = await ask(number, b"GET / HTTP/1.1\r\nHost: h\r\nExpect: %b\r\nConnection: close\r\n\r\n" % SECRET)
    assert (answer.status, answer.body) == (417, b"Expectation Failed\n")


async def test_any_other_answer_is_as_the_application_made_it() -> None:
    async with port() as number:
        answer = await ask(number, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"a page")
