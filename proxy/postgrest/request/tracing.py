"""Request headers of tracing systems, and of request ids.

Source: docs/explanation/architecture.md#identity-and-headers.

A tracing library adds its headers to every call, with other values each time. They concern the tracing system only, so
that callers of one merged call may differ in them (``identity.also_neutral`` and ``identity.not_neutral`` change that).
A *request id* is different: functions in SQL read it, for example into an audit log, and servers send it back. So it is
part of the identity unless the operator says otherwise, or PostgREST itself sends it back (``server-trace-header``).

Sources: https://www.w3.org/TR/trace-context/ and /baggage/; https://github.com/openzipkin/b3-propagation;
https://opentelemetry.io/docs/specs/otel/context/api-propagators/; the documentation of each vendor on propagation.
"""

import msgspec


class TracingSystem(msgspec.Struct, frozen=True):
    """A tracing system and its request headers. Names are in lower case."""

    name: str
    headers: tuple[bytes, ...] = ()
    prefixes: tuple[bytes, ...] = ()
    """Prefixes of its header names."""


TRACING_SYSTEMS = (
    TracingSystem("W3C (trace context, baggage)", (b"traceparent", b"tracestate", b"baggage", b"correlation-context")),
    TracingSystem("Zipkin (B3)", (b"b3",), (b"x-b3-",)),
    TracingSystem("OpenTracing, Lightstep", (b"x-ot-span-context",), (b"ot-tracer-", b"ot-baggage-")),
    TracingSystem("Jaeger", (b"uber-trace-id", b"jaeger-debug-id", b"jaeger-baggage"), (b"uberctx-",)),
    TracingSystem("Sentry", (b"sentry-trace",)),
    TracingSystem("Datadog", (), (b"x-datadog-",)),
    TracingSystem("New Relic", (b"newrelic",), (b"x-newrelic-",)),
    TracingSystem("Elastic APM", (b"elastic-apm-traceparent",)),
    TracingSystem("Instana", (), (b"x-instana-",)),
    TracingSystem("Dynatrace", (b"x-dynatrace", b"x-dtpc", b"x-dtreferer"), (b"x-dynatrace-",)),
    TracingSystem("AppDynamics", (b"singularityheader", b"adrum"), (b"adrum_",)),
    TracingSystem("Honeycomb", (b"x-honeycomb-trace",)),
    TracingSystem("SolarWinds", (b"x-trace-options", b"x-trace-options-signature")),
    TracingSystem("Highlight", (b"x-highlight-request",)),
    TracingSystem("Apache SkyWalking", (b"sw6", b"sw8", b"sw8-correlation", b"sw8-x")),
    TracingSystem("Pinpoint", (), (b"pinpoint-",)),
    TracingSystem("Alibaba Cloud", (), (b"eagleeye-",)),
    TracingSystem("AWS X-Ray", (b"x-amzn-trace-id",)),
    TracingSystem("Google Cloud Trace", (b"x-cloud-trace-context", b"grpc-trace-bin")),
    TracingSystem("Azure Application Insights", (b"request-context", b"x-ms-request-root-id")),
    TracingSystem("Envoy", (b"x-client-trace-id",)),
)
"""Systems whose headers are neutral by default."""

TRACING_HEADERS = frozenset(name for system in TRACING_SYSTEMS for name in system.headers)
TRACING_PREFIXES = tuple(prefix for system in TRACING_SYSTEMS for prefix in system.prefixes)

REQUEST_IDS = (
    *(b"x-request-id", b"request-id", b"x-correlation-id", b"correlation-id", b"x-trace-id", b"x-span-id"),
    *(b"x-client-request-id", b"x-ms-client-request-id", b"x-ms-request-id", b"x-amzn-requestid", b"x-amz-cf-id"),
    *(b"x-transaction-id", b"x-req-id", b"x-kong-request-id", b"sb-request-id", b"cf-ray", b"x-vercel-id"),
    *(b"fly-request-id", b"rndr-id", b"x-railway-request-id", b"x-appengine-request-log-id"),
)
"""Usual headers with an id per request, which are part of the identity. Other names occur too."""
