"""OTLP in protobuf gives the same spans as JSON."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from proxy.receiver.otel_span import OtelSpan
from proxy.receiver.otlp_json import OtlpError
from proxy.receiver.otlp_protobuf import read_protobuf


def test_a_span_is_read_with_its_ids_times_and_attributes() -> None:
    attributes = [
        KeyValue(key="url.full", value=AnyValue(string_value="http://db/t")),
        KeyValue(key="http.response.status_code", value=AnyValue(int_value=200)),
        KeyValue(key="list", value=AnyValue(array_value=ArrayValue())),
        KeyValue(key="none"),
    ]
    span = Span(
        trace_id=b"\xab" * 16, span_id=b"\x01" * 8, name="GET", kind=Span.SPAN_KIND_CLIENT, attributes=attributes
    )
    span.start_time_unix_nano, span.end_time_unix_nano = 5, 9
    sent = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])])
    (read,) = read_protobuf(sent.SerializeToString())
    known: dict[str, str | int | float | bool] = {"url.full": "http://db/t", "http.response.status_code": 200}
    assert read == OtelSpan("ab" * 16, "01" * 8, "", "GET", 3, 5, 9, known)


def test_other_bytes_are_an_error() -> None:
    with pytest.raises(OtlpError, match="is not OTLP in protobuf"):
        list(read_protobuf(b"\xff\xff\xff"))
