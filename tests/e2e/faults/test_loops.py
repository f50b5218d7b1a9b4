"""A fanin whose upstream is itself says so, instead of asking itself without end."""

from __future__ import annotations

import sys

import pytest

from proxy.admin.gauges import gauges
from proxy.settings.sources import ConfigError
from tests.e2e.support.harness import (
    ask,
    fanin,
    free_port,
)

GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_an_upstream_that_is_our_own_listener_is_refused() -> None:
    port = free_port()
    with pytest.raises(ConfigError, match="own listener"):
        async with fanin(f"http://localhost:{port}", listen=f"127.0.0.1:{port}"):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 is this machine")
async def test_a_loop_through_another_name_is_508() -> None:
    port = free_port()
    async with fanin(f"http://127.0.0.2:{port}", listen=f"0.0.0.0:{port}") as sidecar:
        answer = await ask(port, GET)
        assert answer.status == 508
        assert b"FANIN508" in answer.body
        assert gauges(sidecar)["upstream_busy"] == 0
    assert not sidecar.upstream.open_endpoints
