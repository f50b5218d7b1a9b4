"""Reads OTLP in protobuf, which most SDKs send over HTTP. Needs the extra otel."""

from collections.abc import Iterator

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from proxy.receiver.otel_span import OtelSpan, Value
from proxy.receiver.otlp_json import OtlpError

BASIC = {"string_value", "int_value", "double_value", "bool_value"}


def read_protobuf(data: bytes) -> Iterator[OtelSpan]:
    """The spans in one message. OtlpError if it is not a message of OTLP."""
    try:
        message = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        raise OtlpError("is not OTLP in protobuf") from None
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            yield from map(_span, scope.spans)


def _span(span: Span) -> OtelSpan:
    return OtelSpan(
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes={one.key: value for one in span.attributes if (value := _value(one.value)) is not None},
    )


def _value(value: AnyValue) -> Value | None:
    kind = value.WhichOneof("value")
    found: Value | None = getattr(value, kind) if kind in BASIC else None
    return found
