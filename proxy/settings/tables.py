"""The tables of the TOML file, each setting with its default and its help text.

Durations are seconds, sizes are bytes.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from proxy.settings.sources import flatten
from proxy.settings_base import OVERRIDE, RESTART, Count, Positive, Section


class TraceSettings(Section):
    headers: tuple[str, ...] = Field(
        ("x-fanin-trace", "traceparent"),
        description="Headers that name a trace, the first one present wins.",
    )
    quiet_explicit: Positive = Field(1.0, description="A named trace closes after this long without a request.")
    quiet_inferred: Positive = Field(0.05, description="The same for traces inferred from caller and timing.")
    max_age: Positive = Field(60.0, description="A trace closes at this age; the same id later is its next part.")
    max_spans: Count = Field(2000, description="A trace closes at this many spans and is marked truncated.")
    max_open: Count = Field(10_000, description="Traces open at once; above it requests are counted, not traced.")


class MergeSettings(Section):
    max_wait: Positive = Field(
        0.01, description="The longest hold while a look-alike is in flight.", json_schema_extra=OVERRIDE
    )
    linger: Annotated[float, Field(ge=0)] = Field(
        0.001,
        description="The hold for a query that lately fanned out, while lingering pays.",
        json_schema_extra=OVERRIDE,
    )
    max_keys: Count = Field(200, description="Unique keys in one merged call.", json_schema_extra=OVERRIDE)
    max_window: Count = Field(2000, description="Requests that one window holds before it leaves.")
    max_url: Count = Field(7000, description="Bytes of a merged call's target.")
    max_body: Count = Field(8_000_000, description="Bytes of a merged answer; past it the originals are streamed.")
    max_key_body: Count = Field(
        256_000, description="Bytes of answer a key above which a query is not merged.", json_schema_extra=OVERRIDE
    )
    max_rows: int | None = Field(None, ge=1, description="PostgREST's db-max-rows, when it is known.")
    max_rows_lifetime: Positive = Field(
        60.0, description="How long a large answer proves that max-rows is larger.", json_schema_extra=RESTART
    )
    ties: Literal["none", "any"] = Field(
        "none",
        description="'any' merges keys with several rows in whatever order the database returns them.",
        json_schema_extra=OVERRIDE,
    )
    ask_types: bool = Field(
        True,
        description="Ask upstream once for the type of a column that decides what can be merged; it logs an error.",
    )
    types_lifetime: Positive = Field(
        300.0, description="How long upstream's word on a column's type is believed.", json_schema_extra=RESTART
    )
    deadline_floor: Positive = Field(
        0.25, description="A merged call is given at least this long.", json_schema_extra=OVERRIDE
    )
    deadline_factor: Positive = Field(
        10.0, description="A merged call is given this many times the query's p95.", json_schema_extra=OVERRIDE
    )
    fallbacks: Count = Field(16, description="Originals sent at once after a merged answer was refused.")
    probation: Annotated[int, Field(ge=0)] = Field(
        5,
        description="A new relation and key column: so many answers of each kind (one row, several; ten times as many "
        "without a row) are compared with originals before clients get others. 0: none.",
    )
    pause_first: Positive = Field(1.0, description="The first pause of a query whose merges fail.")
    pause_max: Positive = Field(300.0, description="The longest pause; each further failure doubles it.")
    max_tracked: Count = Field(
        10_000, description="(fingerprint, identity) pairs remembered.", json_schema_extra=RESTART
    )


class ShadowSettings(Section):
    share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.01,
        description="Mode rewrite: the share of merged calls of which originals are sent too, and compared.",
        json_schema_extra=OVERRIDE,
    )
    answers: Count = Field(
        5,
        description="At most so many answers of such a call are compared, drawn by lot; all of them where the query "
        "was answered wrong lately.",
        json_schema_extra=OVERRIDE,
    )
    concurrency: Count = Field(
        4, description="Calls at once for comparisons, on connections of their own.", json_schema_extra=RESTART
    )
    wait: Positive = Field(
        1.0,
        description="A call waits this long for a moment when no caller waits for upstream.",
        json_schema_extra=RESTART,
    )
    max_bytes: Count = Field(
        16_000_000, description="Bytes of answers held for comparison; more are skipped.", json_schema_extra=RESTART
    )
    pause_first: Positive = Field(
        60.0, description="The first pause of a query that a comparison found wrong.", json_schema_extra=RESTART
    )
    pause_max: Positive = Field(
        3600.0, description="The longest such pause; each further finding doubles it.", json_schema_extra=RESTART
    )


class LimitSettings(Section):
    head_bytes: Count = Field(65_536, description="Bytes of a request head; more is 431.")
    long_head_bytes: Count = Field(
        1_048_576, description="The same for a GET on the mount whose URL is what makes it long."
    )
    long_heads: Count = Field(33_554_432, description="Bytes of all such long heads at once; more are answered 431.")
    connections: Count = Field(4096, description="Client connections; more are answered 503.")
    queue: Count = Field(
        4096,
        description="Requests that wait for an upstream connection; more are answered 503.",
        json_schema_extra=RESTART,
    )
    viewers: Count = Field(
        16, description="Readers of `/api/events`; more are answered 503.", json_schema_extra=RESTART
    )
    relations: Count = Field(
        200, description="Relations, and routes, with a label of their own in metrics.", json_schema_extra=RESTART
    )


class TimeoutSettings(Section):
    head: Positive = Field(10.0, description="From the first byte of a request head to its last.")
    body_idle: Positive = Field(30.0, description="Between two bytes of a request body.")
    keep_alive: Positive = Field(75.0, description="An idle client connection is closed after this long.")
    write_stall: Positive = Field(60.0, description="A client that takes no byte for this long is cut off.")
    connect: Positive = Field(5.0, description="Connecting to upstream, TLS included.")
    upstream_head: Positive = Field(60.0, description="From the request's last byte to the answer's head.")
    upstream_idle: Positive = Field(60.0, description="Between two bytes of an answer.")


class PoolSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    calls: Count = Field(64, description="Connections for calls on the mount.")
    others: Count = Field(64, description="Connections for everything outside the mount.")
    tunnels: Count = Field(256, description="Connections for WebSockets.")
    for_writes: Annotated[int, Field(ge=0)] = Field(
        8,
        description="Connections beside pool.calls that only writes may use, so that reads never hold one up.",
    )
    idle: Positive = Field(20.0, description="An unused upstream connection is closed after this; PostgREST: 30 s.")


class IdentitySettings(Section):
    also_neutral: tuple[str, ...] = Field((), description="Further headers that two merged callers may differ in.")
    not_neutral: tuple[str, ...] = Field((), description="Headers taken off the neutral list: compared again.")


class CatalogSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    schemas: tuple[str, ...] = Field(
        ("public",),
        min_length=1,
        description="PostgREST's db-schemas, in its order. The first one needs no profile: a table that is asked for "
        "without one is called by it, in metrics and all else. Set this where it is not public.",
    )
    channel: str = Field("pgrst", description="PostgREST's db-channel, on which schema reloads are told.")
    lifetime: Positive = Field(60.0, description="The catalog is read again after this long.")


class DetectSettings(Section):
    row_keys: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether the keys (id, …_id) in answers are remembered, hashed, with their trace: FAN002 and "
        "FAN007 see by them what came from where; auto: with debug.",
    )
    fingerprints: Count = Field(
        1000,
        description="Fingerprints whose calls are counted; above it the rarest give way.",
        json_schema_extra=RESTART,
    )
    findings: Count = Field(
        1000,
        description="Findings that are remembered; above it the one not seen for longest gives way.",
        json_schema_extra=RESTART,
    )
    interval: Positive = Field(10.0, description="Time between two looks at the whole workload.")
    traces: Count = Field(500, description="Closed traces kept for the admin port's pages.", json_schema_extra=RESTART)
    spans: Count = Field(20_000, description="Spans of all these traces together.", json_schema_extra=RESTART)
    keys: Count = Field(
        200_000,
        description="Keys in their answers, where row_keys has them remembered: some 40 bytes each. Above it the "
        "oldest trace's give way, and `/api/recording` is without them.",
        json_schema_extra=RESTART,
    )


class DrainSettings(Section):
    delay: Annotated[float, Field(ge=0)] = Field(0.0, description="After SIGTERM: still accepting for this long.")
    timeout: Positive = Field(30.0, description="After SIGTERM: requests in flight are given this long.")
    idle: Annotated[float, Field(ge=0)] = Field(
        1.0,
        description="After SIGTERM: a connection that was silent this long is closed. Until then its client may be "
        "about to send, and is answered.",
    )


class Override(Section):
    """Other values for some requests. Later ones win; a value holds where all that is named here is the request's."""

    relation: str = Field("", description="The table or view: name, or schema.name.")
    route: str = Field("", description="What X-Fanin-Route says.")
    changes: dict[str, Any] = Field({}, description="Settings by dotted name, e.g. rules.fan001, merge.ties.")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, table: Any) -> Any:
        """Whatever the table says besides where it holds is what it changes."""
        if not isinstance(table, dict) or "changes" in table:
            return table
        where = {name: value for name, value in table.items() if name in ("relation", "route")}
        rest = {name: value for name, value in table.items() if name not in where}
        return {**where, "changes": dict(flatten(rest))}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.relation or self.route):
            raise ValueError("names neither a relation nor a route: what holds for all is set outside of overrides")
        if not self.changes:
            raise ValueError("changes nothing")
        return self
