"""An application that is instrumented with OpenTelemetry: routes that read from PostgREST by httpx.

    python instrumented.py POSTGREST TOKEN COLLECTOR|FILE

Its spans go to COLLECTOR as OTLP in protobuf, or into FILE as the file exporter of the Collector writes them.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from google.protobuf.json_format import MessageToDict
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOP = 12


class FileExporter(SpanExporter):
    """Writes a message a line, with ids in hexadecimal, as OTLP's JSON has them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        message = _with_hexadecimal_ids(MessageToDict(encode_spans(spans), use_integers_for_enums=True))
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(message) + "\n")
        return SpanExportResult.SUCCESS


def _with_hexadecimal_ids(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: base64.b64decode(value).hex()
            if key in ("traceId", "spanId", "parentSpanId")
            else _with_hexadecimal_ids(value)
            for key, value in node.items()
        }
    return [_with_hexadecimal_ids(one) for one in node] if isinstance(node, list) else node


def main(postgrest: str, token: str, to: str) -> None:
    """Serve two routes once each."""
    exporter = OTLPSpanExporter(to + "/v1/traces") if to.startswith("http") else FileExporter(Path(to))
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument()
    tracer = trace.get_tracer("application")
    with httpx.Client(base_url=postgrest, headers={"Authorization": f"Bearer {token}"}) as client:
        with tracer.start_as_current_span(
            "GET /creators",
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": "GET", "http.route": "/creators"},
        ):
            rows = client.get("/creators", params={"select": "id", "order": "id", "limit": str(LOOP)}).json()
            for row in rows:
                code: dict[str, Any] = {
                    "code.function.name": "load_creator",
                    "code.file.path": "app/load.py",
                    "code.line.number": 7,
                }
                with tracer.start_as_current_span("load", attributes=code):
                    client.get("/creators", params={"select": "id,handle", "id": f"eq.{row['id']}"}).raise_for_status()
        with tracer.start_as_current_span("POST /orders", kind=trace.SpanKind.SERVER):
            client.get("/creators", params={"id": "eq.nonsense"})
            client.get(postgrest.replace("127.0.0.1", "localhost") + "/other/health")
    provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
