"""Request headers of tracing systems, and of request ids.

Source: docs/explanation/architecture.md#identity-and-headers.

A tracing library adds its headers to every call, with other values each time. They concern the tracing system only, so
that callers of one merged call may differ in them (``identity.also_neutral`` and ``identity.not_neutral`` change that).
A *request id* is different: functions in SQL read it, for example into an audit log, and servers send it back. So it is
part of the identity unless the operator says otherwise, or PostgREST itself sends it back (``server-trace-header``).
So is an *idempotency key*. Neither tells callers apart: ``names_one_call`` knows them, for what is found in traces.

Sources: https://www.w3.org/TR/trace-context/ and /baggage/; https://github.com/openzipkin/b3-propagation;
https://opentelemetry.io/docs/specs/otel/context/api-propagators/; the documentation of each vendor on propagation.
"""

from functools import lru_cache

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

IDEMPOTENCY_KEYS = (b"idempotency-key", b"x-idempotency-key", b"idempotent-key", b"x-idempotent-key")
"""Usual headers by which a server recognizes a repeated write
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
"""
_OF_CALLS = frozenset((*REQUEST_IDS, *IDEMPOTENCY_KEYS, b"date", b"x-amz-date", b"x-ms-date", b"x-retry-count"))
CALL_WORDS = frozenset(
    (
        *(b"request", b"req", b"requestid", b"correlation", b"correlationid", b"transaction", b"call", b"callid"),
        *(b"invocation", b"operation", b"trace", b"traceid", b"span", b"spanid", b"nonce", b"attempt", b"retry"),
        *(b"idempotency", b"idempotent", b"sequence", b"seq", b"timestamp", b"message", b"msg", b"unique"),
    )
)
"""Words in names of headers that are new in each call."""
CALLER_WORDS = frozenset(
    (
        *(
            b"user",
            b"userid",
            b"uid",
            b"account",
            b"customer",
            b"tenant",
            b"tenantid",
            b"organization",
            b"organisation",
        ),
        *(b"org", b"orgid", b"company", b"workspace", b"team", b"project", b"group", b"realm", b"role", b"roles"),
        *(b"actor", b"subject", b"principal", b"owner", b"member", b"session", b"auth", b"authorization", b"token"),
        *(b"secret", b"signature", b"credential", b"credentials", b"cookie", b"ip", b"host", b"origin", b"device"),
        *(b"zone", b"locale", b"language", b"region", b"shop", b"store", b"site", b"school", b"scope", b"claims"),
    )
)
"""Words in names of headers that tell for whom a call is made: SQL may decide by them which rows it returns."""
_LONGEST = 64
"""Bytes of a name that are looked at."""


def names_one_call(name: bytes) -> bool:
    """Whether the header ``name`` (lower case) only names a call (an id of the request, an idempotency key, its date),
    so that it may be new in each call of one caller.
    """
    return _meaning(name[:_LONGEST]) == "call"


def names_caller(name: bytes) -> bool:
    """Whether the header ``name`` (lower case) seems to say for whom a call is made."""
    return _meaning(name[:_LONGEST]) == "caller"


@lru_cache(1024)
def _meaning(name: bytes) -> str:
    if name in _OF_CALLS or name in TRACING_HEADERS or name.startswith(TRACING_PREFIXES):
        return "call"
    words = set(name.replace(b"_", b"-").split(b"-"))
    if not words.isdisjoint(CALLER_WORDS):
        return "caller"
    return "" if words.isdisjoint(CALL_WORDS) else "call"
