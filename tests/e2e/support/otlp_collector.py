"""A collector of spans: OTLP over HTTP, decoded by OpenTelemetry's own protobuf classes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVER, CLIENT = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT


class Collector:
    """What came, and where it is to be sent. One that ``hangs`` takes a request and never answers it."""

    def __init__(self, hangs: bool) -> None:
        self.url = ""
        self.raw: list[bytes] = []
        self.raw_metrics: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.hangs = hangs
        self.request_came = asyncio.Event()
        self.released = asyncio.Event()

    async def receive(self, request: web.Request) -> web.Response:
        self.raw.append(await request.read())
        self.headers.append(dict(request.headers))
        self.request_came.set()
        if self.hangs:
            await self.released.wait()
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    async def receive_metrics(self, request: web.Request) -> web.Response:
        self.raw_metrics.append(await request.read())
        body = ExportMetricsServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    def points(self, name: str) -> list[Any]:
        """The points of a metric in the last export that has it."""
        for raw in reversed(self.raw_metrics):
            request = ExportMetricsServiceRequest.FromString(raw)
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            return list(metric.histogram.data_points)
        return []

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(raw) for raw in self.raw]

    def spans(self, *kinds: int) -> list[Span]:
        """Those of some kinds, or all, in the order in which they began."""
        found = [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if not kinds or span.kind in kinds
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)


def attributes(span: Any) -> dict[str, Any]:
    """By name; values as what they are."""
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes}


@asynccontextmanager
async def otlp_collector(*, hangs: bool = False) -> AsyncIterator[Collector]:
    collector = Collector(hangs)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/traces", collector.receive)
    app.router.add_post("/v1/metrics", collector.receive_metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        collector.released.set()
        await runner.cleanup()
