"""The tables of the TOML file that bound time, memory and connections, each setting with its default and its help text.

Durations are seconds, sizes are bytes.

Tests: tests/e2e/limits/test_refused_requests.py.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from proxy.settings_base import RESTART, Count, Positive, Section


class LimitSettings(Section):
    head_bytes: Count = Field(65_536, description="Maximum bytes of a request head; a longer one is answered 431.")
    long_head_bytes: Count = Field(
        1_048_576, description="The same for a GET on the mount whose URL makes the head long."
    )
    long_heads: Count = Field(
        33_554_432, description="Maximum bytes of all such long heads at one time; further ones are answered 431."
    )
    header_lines: Count = Field(
        1000,
        description="Maximum header lines of a request; one with more is answered 431. Others' limits are 100 (Apache,"
        " Envoy, gunicorn) to 2000 (Node.js).",
    )
    connections: Count = Field(4096, description="Maximum client connections; further ones are answered 503.")
    admin_connections: Count = Field(
        64,
        description="Maximum connections of the admin port, and of the metrics port; at most 1/16 of the process's "
        "file descriptors. An idle one is closed for a new one.",
        json_schema_extra=RESTART,
    )
    queue: Count = Field(
        4096,
        description="Maximum waiting reads, and writes, for an upstream connection; further ones are answered 503.",
        json_schema_extra=RESTART,
    )
    viewers: Count = Field(
        16, description="Maximum readers of `/api/events`; further ones are answered 503.", json_schema_extra=RESTART
    )
    relations: Count = Field(
        200,
        description="Maximum relations, and routes, that have their own label in metrics; the others share one.",
        json_schema_extra=RESTART,
    )


class TimeoutSettings(Section):
    head: Positive = Field(10.0, description="Maximum time from the first byte of a request head to its last.")
    body_idle: Positive = Field(30.0, description="Maximum time without a byte of a request body.")
    keep_alive: Positive = Field(75.0, description="An idle client connection is closed after this time.")
    write_stall: Positive = Field(
        60.0, description="A client that reads no byte of its answer for this time is disconnected."
    )
    connect: Positive = Field(5.0, description="Maximum time to connect to upstream, TLS included.")
    queue: Positive = Field(
        10.0, description="Maximum time that a request waits for a connection to upstream; then it is answered 504."
    )
    upstream_head: Positive = Field(
        60.0, description="Maximum time from the last byte of the request to the head of upstream's answer."
    )
    upstream_idle: Positive = Field(60.0, description="Maximum time without a byte of upstream's answer.")
    rpc_head: Positive = Field(180.0, description="Same as upstream_head, for calls of functions (/rpc).")
    outside_head: Positive = Field(
        180.0,
        description="Same as upstream_head, for paths outside the mount. Supabase lets an edge function run 150 s.",
    )
    outside_idle: Positive = Field(
        420.0,
        description="Same as upstream_idle, for paths outside the mount. Supabase ends the stream of an edge function "
        "after 400 s.",
    )
    upgrade_head: Positive = Field(
        60.0, description="Same as upstream_head, for an upgrade to WebSocket. An open WebSocket has no timeout."
    )


class PoolSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    calls: Count = Field(64, description="Maximum upstream connections for calls on the mount.")
    others: Count = Field(64, description="Maximum upstream connections for requests outside the mount.")
    tunnels: Count = Field(256, description="Maximum upstream connections for WebSockets.")
    for_writes: Annotated[int, Field(ge=0)] = Field(
        8,
        description="Connections in addition to pool.calls that only writes use, so that reads never delay a write.",
    )
    idle: Positive = Field(
        20.0, description="An idle upstream connection is closed after this time; PostgREST closes it after 30 s."
    )


class OverloadSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    control: Literal["off", "on"] = Field(
        "off",
        description="on: while upstream gets more calls than it can handle, refuse some at once with 503 in place of "
        "letting all wait, and find out how many calls it can handle at once.",
    )
    target: Positive = Field(
        0.05,
        description="Calls that wait for a connection longer than this, all the time for overload.interval, are an "
        "overload: then reads are refused after this time, retries at once, writes after four times it.",
    )
    interval: Positive = Field(0.5, description="Shorter queues are bursts: nothing is refused.")
    min_calls: Count = Field(
        10,
        description="The limit of calls in flight is at least this, at most pool.calls. Set it to PostgREST's db-pool.",
    )
    circuit_failures: Count = Field(
        5, description="After so many failed connections in a row, calls are answered 503 at once."
    )
    circuit_wait: Positive = Field(
        1.0, description="Time until one call is tried again; twice as long after each further failure, up to 30 s."
    )


class DrainSettings(Section):
    delay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="After SIGTERM: fanin still accepts connections for this time."
    )
    timeout: Positive = Field(30.0, description="After SIGTERM: maximum time for the requests in flight to end.")
    idle: Annotated[float, Field(ge=0)] = Field(
        1.0,
        description="After SIGTERM: a connection that was idle for this time is closed; a request that arrives on it "
        "before that is answered.",
    )
