"""Error answers of the admin port contain nothing of the request."""

from __future__ import annotations

import pytest

from tests.admin.test_server import Loaded, admin
from tests.e2e.support.harness import ask

SECRET = b"SECRET"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nExpect: SECRET\r\n\r\n", 417),
        (b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX\x00: SECRET\r\n\r\n", 400),
        (b"SECRET /\x01 HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    ],
)
async def test_an_error_answer_does_not_quote_the_request_and_nothing_is_logged(
    head: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with admin(Loaded()) as server:
        answer = await ask(server.port, head)
        assert answer.status == status
        assert SECRET not in answer.head + answer.body
    assert not caplog.records
