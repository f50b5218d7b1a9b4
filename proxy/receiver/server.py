"""Receives OTLP over HTTP, as SDKs and the Collector send it: https://opentelemetry.io/docs/specs/otlp/#otlphttp.

Tests: tests/e2e/clients/test_otlp_client.py.
"""

import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from proxy.receiver.otel_span import OtelSpan
from proxy.receiver.otlp_json import OtlpError, read_json
from proxy.settings.sources import AddressInUseError, ConfigError
from proxy.transport.address import split_listen

MAX_BODY = 16_000_000
"""Bytes of the largest message, after decompression. An SDK sends at most 512 spans in one."""
JSON, PROTOBUF = "application/json", "application/x-protobuf"
NO_PROTOBUF = (
    "Protobuf needs the extra otel: run pip install '.[otel]' in fanin's source folder, or let the client send JSON "
    "(OTEL_EXPORTER_OTLP_PROTOCOL=http/json)."
)

READERS: dict[str, Callable[[bytes], Iterator[OtelSpan]]] = {JSON: read_json}
try:
    from proxy.receiver.otlp_protobuf import read_protobuf
except ImportError:
    pass
else:
    READERS[PROTOBUF] = read_protobuf


def receiver(take: Callable[[Iterable[OtelSpan]], None]) -> web.Application:
    """The application that calls ``take`` with the spans of each message. Metrics and logs are accepted and dropped."""

    async def traces(request: web.Request) -> web.Response:
        kind = request.content_type
        read = READERS.get(kind)
        if read is None:
            return _status(415, NO_PROTOBUF if kind == PROTOBUF else f"Send {JSON} or {PROTOBUF}.")
        try:
            data = decompressed(await request.read(), request.headers.get("Content-Encoding", ""))
            spans = list(read(data))
        except OtlpError as error:
            return _status(400, f"The body {error}.")
        take(spans)
        return _empty(kind)

    async def dropped(request: web.Request) -> web.Response:
        await request.read()
        return _empty(request.content_type)

    application = web.Application(client_max_size=MAX_BODY)
    application.router.add_post("/v1/traces", traces)
    application.router.add_post("/v1/metrics", dropped)
    application.router.add_post("/v1/logs", dropped)
    return application


def decompressed(body: bytes, coding: str) -> bytes:
    """The body without its Content-Encoding: gzip, deflate or none. OtlpError for another one, for a body that does not
    have it, and for one of more than ``MAX_BODY`` bytes.
    """
    if coding.lower() in ("", "identity"):
        return body
    if coding.lower() not in ("gzip", "deflate"):
        raise OtlpError("has a Content-Encoding that is not read here: send gzip, or none")
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # the header says whether it is gzip or zlib
    try:
        data = stream.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise OtlpError(f"is not {coding.lower()}, as its Content-Encoding says") from None
    if len(data) > MAX_BODY:
        raise OtlpError(f"has more than {MAX_BODY:,} bytes")
    if not stream.eof:
        raise OtlpError("ends too early to be decompressed")
    return data


@asynccontextmanager
async def receiving(address: str, take: Callable[[Iterable[OtelSpan]], None]) -> AsyncIterator[str]:
    """Receive at ``address`` (HOST:PORT); gives the URL. ConfigError, AddressInUseError."""
    if address.startswith("unix:"):
        raise ConfigError("--otlp: is HOST:PORT, not a unix socket")
    try:
        host, port = split_listen(address)
    except ConfigError as error:
        raise ConfigError(f"--otlp: {error}") from None
    runner = web.AppRunner(receiver(take), access_log=None, auto_decompress=False)  # aiohttp logs what it cannot
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise AddressInUseError(f"--otlp: {address} cannot be opened: {error.strerror}") from error
        bound, number = runner.addresses[0][:2]
        yield f"http://{f'[{bound}]' if ':' in bound else bound}:{number}"
    finally:
        await runner.cleanup()


def _empty(kind: str) -> web.Response:
    """The answer that everything was accepted: an empty message."""
    return web.Response(body=b"" if kind == PROTOBUF else b"{}", content_type=kind)


def _status(status: int, message: str) -> web.Response:
    """An error in JSON, with the fields of google.rpc.Status."""
    return web.Response(status=status, body=msgspec.json.encode({"message": message}), content_type=JSON)
