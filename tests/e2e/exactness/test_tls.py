"""An upstream under TLS is checked against its name, and passed the same bytes."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from proxy.settings.sources import ConfigError
from tests.e2e.support.harness import (
    OK,
    ScriptedUpstream,
    answers,
    ask,
    fanin,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of ``localhost`` with its key, in one PEM file."""
    directory = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ("-keyout", str(directory / "key"), "-out", str(directory / "certificate"))
    names = ("-addext", "subjectAltName=DNS:localhost")
    subprocess.run(["openssl", *command.split(), *names, *files], check=True, capture_output=True)
    pem = directory / "both.pem"
    pem.write_bytes((directory / "key").read_bytes() + (directory / "certificate").read_bytes())
    return pem


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_an_upstream_under_tls_is_checked_against_its_name(certificate: Path) -> None:
    raw = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"
    body = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n0\r\n\r\n"
    long = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    async with ScriptedUpstream(answers(long), tls=server_context(certificate)) as upstream:
        by_name = f"https://localhost:{upstream.port}"
        async with fanin(by_name, upstream_ca=str(certificate)) as sidecar:
            answer = await ask(sidecar.port, raw)
            assert len(answer.body) == 1_000_000
            assert answer.complete
        async with fanin(upstream.url, upstream_ca=str(certificate)) as sidecar:
            wrong_name = await ask(sidecar.port, raw)
        async with fanin(by_name) as sidecar:
            unknown_authority = await ask(sidecar.port, raw)
        assert len(upstream.requests) == 1
    assert wrong_name.status == unknown_authority.status == 502
    assert b"FANIN510" in wrong_name.body
    assert b"Hostname mismatch" in wrong_name.body or b"IP address mismatch" in wrong_name.body
    assert b"FANIN510" in unknown_authority.body
    assert b"self-signed certificate" in unknown_authority.body
    assert b"--upstream-ca" in unknown_authority.body


async def test_an_upload_under_tls_arrives_whole(certificate: Path) -> None:
    body = bytes(range(256)) * 4000
    raw = b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with ScriptedUpstream(answers(OK), tls=server_context(certificate)) as upstream:
        async with fanin(f"https://localhost:{upstream.port}", upstream_ca=str(certificate)) as sidecar:
            assert (await ask(sidecar.port, raw)).status == 200
        assert upstream.requests[0].partition(b"\r\n\r\n")[2] == body


async def test_an_authority_file_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="upstream_ca"):
        async with fanin("https://localhost:1", upstream_ca=str(tmp_path / "no.pem")):
            pass
