"""Reads OTLP in JSON: what the Collector's file exporter writes in a line, and what OTLP/HTTP sends in a body.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from collections.abc import Iterator

import msgspec

from proxy.model import NOT_JSON
from proxy.receiver.otel_span import OtelSpan, Value

KINDS = {
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
}
"""Names of kinds. OTLP writes numbers, and some exporters names."""


class OtlpError(ValueError):
    """Bytes that are not OTLP. The message says what is wrong, without quoting them."""


class _AnyValue(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bool_value: bool | None = None


class _KeyValue(msgspec.Struct):
    key: str = ""
    value: _AnyValue = msgspec.field(default_factory=_AnyValue)


class _Span(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    kind: int | str = 0
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[_KeyValue] = []


class _ScopeSpans(msgspec.Struct):
    spans: list[_Span] = []


class _ResourceSpans(msgspec.Struct, rename="camel"):
    scope_spans: list[_ScopeSpans] = []


class _TracesData(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] | None = None
    resource_metrics: msgspec.Raw = msgspec.Raw()
    resource_logs: msgspec.Raw = msgspec.Raw()


_decoder = msgspec.json.Decoder(_TracesData)


def read_json(data: bytes) -> Iterator[OtelSpan]:
    """The spans in one message. Metrics and logs have none. OtlpError if it is not a message of OTLP."""
    try:
        message = _decoder.decode(data)
    except NOT_JSON as error:
        raise OtlpError(f"is not OTLP in JSON: {error}") from None
    if message.resource_spans is None:
        if data.strip() != b"{}" and not (message.resource_metrics or message.resource_logs):
            raise OtlpError("is not OTLP in JSON: it has no resourceSpans")
        return
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            yield from map(_span, scope.spans)


def _span(span: _Span) -> OtelSpan:
    return OtelSpan(
        trace=span.trace_id.lower(),
        id=span.span_id.lower(),
        parent=span.parent_span_id.lower(),
        name=span.name,
        kind=KINDS.get(span.kind, 0) if isinstance(span.kind, str) else span.kind,
        start=_integer(span.start_time_unix_nano),
        end=_integer(span.end_time_unix_nano),
        attributes={one.key: value for one in span.attributes if (value := _value(one.value)) is not None},
    )


def _value(value: _AnyValue) -> Value | None:
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return _integer(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    return value.double_value


def _integer(number: int | str) -> int:
    """64-bit integers are texts in OTLP's JSON."""
    try:
        return int(number)
    except ValueError:
        raise OtlpError("is not OTLP in JSON: an integer is not a number") from None
