"""Clients on a unix socket get the same answers, and are named as nginx names them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.settings.sources import ConfigError
from tests.e2e.support.harness import OK, ScriptedUpstream, answers, fanin

if TYPE_CHECKING:
    from pathlib import Path

READ = b"GET /t?id=eq.1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def test_a_client_on_a_unix_socket_is_answered_and_the_file_goes_with_fanin(tmp_path: Path) -> None:
    path = tmp_path / "fanin.sock"
    async with ScriptedUpstream(answers(OK)) as upstream:
        async with fanin(upstream.url, listen=f"unix:{path}", forwarded="append") as sidecar:
            assert (sidecar.port, sidecar.state) == (0, "ready")
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(READ)
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
            writer.close()
        assert not path.exists()
    (request,) = upstream.requests
    assert b"\r\nX-Forwarded-For: unix:\r\n" in request


async def test_an_upstream_that_is_fanins_own_socket_is_refused(tmp_path: Path) -> None:
    own = f"unix:{tmp_path / 'fanin.sock'}"
    with pytest.raises(ConfigError, match="own listener"):
        async with fanin(own, listen=own):
            pass


@pytest.mark.parametrize("listen", ["unix:relative", "unix:", "unix:/" + "x" * 200])
async def test_a_path_that_no_socket_can_have_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match="is not unix:/path"):
        async with fanin("http://127.0.0.1:1", listen=listen):
            pass
