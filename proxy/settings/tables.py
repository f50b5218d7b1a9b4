"""The tables of the TOML file, each setting with its default and its help text.

Durations are seconds, sizes are bytes.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from proxy import prefetch_size
from proxy.settings.sources import flatten
from proxy.settings_base import OVERRIDE, RESTART, Count, Positive, Section

NEVER_SAME = frozenset(
    ("set-cookie", "content-range", "content-location", "content-type", "content-length", "transfer-encoding")
)
"""Response headers that ``merge.same_headers`` cannot name: of one caller only, or computed by fanin for each."""


class TraceSettings(Section):
    headers: tuple[str, ...] = Field(
        ("x-fanin-trace", "traceparent"),
        description="Request headers that name a trace; the first one that is present counts. Callers of one merged "
        "call must agree in a header of your own, unless identity.also_neutral names it too.",
    )
    forward: bool = Field(
        False,
        description="Send the route and the trace id to PostgREST (X-Fanin-Route, X-Fanin-Trace), and with a call for "
        "several requests their number (X-Fanin-Merged), for a function such as that of `fanin snippet pre-request`. "
        "Answers must not depend on them: requests with different routes share calls.",
    )
    quiet_explicit: Positive = Field(
        1.0, description="A trace named by a header closes after this time without a request."
    )
    quiet_inferred: Positive = Field(0.08, description="The same for a trace that is inferred from caller and timing.")
    max_age: Positive = Field(
        60.0, description="A trace closes at this age; later requests with the same id form a new part of it."
    )
    max_spans: Count = Field(2000, description="A trace closes at this number of spans and is marked as truncated.")
    max_open: Count = Field(10_000, description="Maximum open traces; above it, requests are counted but not traced.")
    max_bytes: Count = Field(
        64_000_000,
        description="Maximum bytes in memory of the spans of open traces; above it, requests are counted but not "
        "traced, and their traces close.",
    )


class MergeSettings(Section):
    max_wait: Positive = Field(
        0.01,
        description="Longest time that a read is held while a similar read is in flight.",
        json_schema_extra=OVERRIDE,
    )
    linger: Annotated[float, Field(ge=0)] = Field(
        0.001,
        description="Time that the first read of a recent fan-out is held for others, while at least half of the "
        "latest such waits gathered several reads.",
        json_schema_extra=OVERRIDE,
    )
    max_keys: Count = Field(200, description="Maximum different keys in one merged call.", json_schema_extra=OVERRIDE)
    max_window: Count = Field(2000, description="Maximum requests in one window; a full window is sent at once.")
    max_url: Count = Field(7000, description="Maximum bytes of a merged call's target (path and query).")
    max_body: Count = Field(
        8_000_000,
        description="Maximum bytes of a merged answer; above it, the original requests are sent and streamed.",
    )
    max_key_body: Count = Field(
        256_000,
        description="A query is not merged while its answers have more bytes per key than this.",
        json_schema_extra=OVERRIDE,
    )
    same_headers: tuple[str, ...] = Field(
        (),
        description="Response headers that have the same value for every caller, for example because a db-pre-request "
        "function sets them: a merged answer with one of them is used, and each caller gets a copy of the line.",
        json_schema_extra=RESTART,
    )
    max_rows: int | None = Field(
        None, ge=1, description="PostgREST's db-max-rows, if known: answers with fewer rows are then not counted."
    )
    max_rows_lifetime: Positive = Field(
        60.0,
        description="How long a value of db-max-rows that a cut answer showed limits the keys per merged call.",
        json_schema_extra=RESTART,
    )
    ties: Literal["none", "physical", "any"] = Field(
        "physical",
        description="Which keys with several rows are merged. none: those in a total order. physical: also rows of a "
        "table without an order, if originals are seen to have them in the order in which they are stored. any: all, "
        "in any order.",
        json_schema_extra=OVERRIDE,
    )
    ask_types: bool = Field(
        True,
        description="Ask upstream once for the type of a column, if that decides what can be merged (PostgREST logs "
        "one error per column for it).",
    )
    types_lifetime: Positive = Field(
        300.0,
        description="A column type that upstream reported is asked for again after this time.",
        json_schema_extra=RESTART,
    )
    deadline_floor: Positive = Field(0.25, description="Minimum timeout of a merged call.", json_schema_extra=OVERRIDE)
    deadline_factor: Positive = Field(
        10.0, description="Timeout of a merged call, as a multiple of the query's p95.", json_schema_extra=OVERRIDE
    )
    fallbacks: Count = Field(
        16, description="Maximum original requests sent at once after a merged answer was rejected."
    )
    probation: Annotated[int, Field(ge=0)] = Field(
        5,
        description="For a new pair of relation and key column: clients get merged answers only after this many "
        "answers of each kind (one row, several rows; ten times as many without a row) equalled the originals; for a "
        "further query of the pair it is one. "
        "0: no comparison, except of the order of rows (merge.ties).",
    )
    pause_first: Positive = Field(1.0, description="First pause in merging a query after its merged calls failed.")
    pause_max: Positive = Field(300.0, description="Longest such pause; each further failure doubles it.")
    max_tracked: Count = Field(
        10_000, description="Maximum (fingerprint, identity) pairs whose state is kept.", json_schema_extra=RESTART
    )
    max_tracked_bytes: Count = Field(
        4_000_000,
        description="Maximum estimated bytes of each table of what upstream's answers have shown: trust, column types, "
        "406 answers, pauses.",
        json_schema_extra=RESTART,
    )

    @field_validator("same_headers")
    @classmethod
    def _may_be_the_same(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name.lower() in NEVER_SAME:
                raise ValueError(f"{name} differs from caller to caller; remove it")
        return names


class PrefetchSettings(Section):
    max_keys: Count = Field(
        prefetch_size.MAX_KEYS,
        description="Maximum keys that one call fetches ahead for a loop (rules.fan002 = rewrite).",
        json_schema_extra=OVERRIDE,
    )
    max_age: Positive = Field(
        prefetch_size.MAX_AGE,
        description="An answer that was fetched ahead is not used after this time, counted from before its call was "
        "sent.",
        json_schema_extra=OVERRIDE,
    )
    max_trace_bytes: Count = Field(
        8_000_000,
        description="Maximum estimated bytes that are remembered of one trace: its lists, and answers fetched ahead.",
        json_schema_extra=RESTART,
    )
    max_bytes: Count = Field(
        64_000_000,
        description="The same of all open traces; above it, the one that was used longest ago is forgotten.",
        json_schema_extra=RESTART,
    )
    max_flows: Count = Field(
        1000,
        description="Maximum pairs of a list and a loop over it that are learned.",
        json_schema_extra=RESTART,
    )


class CacheSettings(Section):
    fresh: float | None = Field(
        None,
        gt=0,
        description="An answer is not used after this time, counted from before its request was sent. Required for "
        "rules.fan006 = rewrite.",
        json_schema_extra=OVERRIDE,
    )
    stale_while_revalidate: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="For this time after cache.fresh an answer is used once more, while one read fetches it again.",
        json_schema_extra=OVERRIDE,
    )
    shared: bool = Field(
        False,
        description="In an [[override]] of a relation: its rows do not depend on who asks, so that one answer serves "
        "all whose token PostgREST has accepted for the same request. It has no effect while the catalog (db_uri) "
        "contradicts that, or after two identities had different answers.",
        json_schema_extra=OVERRIDE,
    )
    max_bytes: Count = Field(
        32_000_000,
        description="Maximum estimated bytes of kept answers; above it, the one that was used longest ago is evicted. "
        "An answer above 512 kB is not kept.",
        json_schema_extra=RESTART,
    )


class ShadowSettings(Section):
    share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.01,
        description="Mode rewrite: share of merged and shared calls whose originals are also sent, to compare (0–1); "
        "ten times that share where rows are in the order in which they are stored (merge.ties).",
        json_schema_extra=OVERRIDE,
    )
    answers: Count = Field(
        5,
        description="Maximum answers compared per such call, chosen at random; all answers if the query had a mismatch "
        "recently.",
        json_schema_extra=OVERRIDE,
    )
    concurrency: Count = Field(
        4,
        description="Maximum concurrent calls for comparisons; they have their own connections.",
        json_schema_extra=RESTART,
    )
    wait: Positive = Field(
        1.0,
        description="A comparison call waits up to this time for a moment in which no client waits for upstream.",
        json_schema_extra=RESTART,
    )
    max_bytes: Count = Field(
        16_000_000,
        description="Maximum bytes of answers held for comparison; above it, comparisons are skipped.",
        json_schema_extra=RESTART,
    )
    pause_first: Positive = Field(
        60.0,
        description="First pause in merging a query after a comparison found a mismatch.",
        json_schema_extra=RESTART,
    )
    pause_max: Positive = Field(
        3600.0, description="Longest such pause; each further mismatch doubles it.", json_schema_extra=RESTART
    )


class IdentitySettings(Section):
    also_neutral: tuple[str, ...] = Field(
        (),
        description="Further request headers in which the callers of one merged call may differ; `x-trace-*` stands "
        "for all names that begin so. Accept, Accept-Profile, Prefer and Range, which PostgREST reads, never are.",
    )
    not_neutral: tuple[str, ...] = Field(
        (),
        description="Request headers removed from the built-in list of those (docs/reference/headers.md); callers must "
        "agree in them. `*` as above.",
    )


class CatalogSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    schemas: tuple[str, ...] = Field(
        ("public",),
        min_length=1,
        description="PostgREST's db-schemas, in the same order. A request without a profile header uses the first one, "
        "and metrics and all other outputs name it so. Set this if the first one is not public.",
    )
    channel: str = Field("pgrst", description="PostgREST's db-channel, on which schema reloads are announced.")
    lifetime: Positive = Field(60.0, description="The catalog is read again after this time.")
    writes_channel: str = Field(
        "fanin_writes",
        max_length=63,
        description="Channel on which triggers of `fanin cache triggers` notify of writes, where answers are kept "
        "(rules.fan002 or rules.fan006 = rewrite). While fanin cannot listen to it, no answer is kept. Empty: it does "
        "not listen.",
    )


class DetectSettings(Section):
    row_keys: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether traces keep the hashed keys (id, …_id) of answers. With them, FAN002 and FAN007 can tell "
        "which answer a value came from. auto: if debug is on.",
    )
    openapi: bool = Field(
        False,
        description="Read columns, primary keys and foreign keys from PostgREST's OpenAPI description, at start and "
        "after each catalog.lifetime, for the code of findings. Not needed with db_uri, which tells more.",
        json_schema_extra=RESTART,
    )
    fingerprints: Count = Field(
        1000,
        description="Maximum fingerprints whose calls are counted; above it, the rarest are dropped.",
        json_schema_extra=RESTART,
    )
    fingerprints_bytes: Count = Field(
        8_000_000, description="Maximum bytes in memory of these; the same happens.", json_schema_extra=RESTART
    )
    findings: Count = Field(
        1000,
        description="Maximum findings kept; above it, the one that was not seen for the longest time is dropped.",
        json_schema_extra=RESTART,
    )
    findings_bytes: Count = Field(
        16_000_000, description="Maximum bytes in memory of all these findings.", json_schema_extra=RESTART
    )
    interval: Positive = Field(10.0, description="Time between two runs of the rules that look at the whole workload.")
    traces: Count = Field(
        500, description="Maximum closed traces kept for the pages of the admin port.", json_schema_extra=RESTART
    )
    spans: Count = Field(20_000, description="Maximum spans in all these traces together.", json_schema_extra=RESTART)
    max_bytes: Count = Field(
        64_000_000, description="Maximum bytes in memory of all these traces together.", json_schema_extra=RESTART
    )
    keys: Count = Field(
        200_000,
        description="Maximum keys of answers in all these traces (row_keys), about 40 bytes each. Above it, those of "
        "the oldest trace are dropped, also from `/api/recording`.",
        json_schema_extra=RESTART,
    )


class Override(Section):
    """Other values for some requests: those that match each of relation and route given here. Later tables win."""

    relation: str = Field("", description="Table or view, as name or schema.name.")
    route: str = Field("", description="Value of X-Fanin-Route.")
    changes: dict[str, Any] = Field({}, description="Settings by dotted name, e.g. rules.fan001, merge.ties.")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, table: Any) -> Any:
        """Collect everything except relation and route into ``changes``."""
        if not isinstance(table, dict) or "changes" in table:
            return table
        where = {name: value for name, value in table.items() if name in ("relation", "route")}
        rest = {name: value for name, value in table.items() if name not in where}
        return {**where, "changes": {name: value for name, value in flatten(rest) if value != {}}}

    @model_validator(mode="after")
    def _require_content(self) -> Self:
        if not (self.relation or self.route):
            raise ValueError("names neither a relation nor a route; set values for all requests outside [[override]]")
        if not self.changes:
            raise ValueError("changes no setting; add one, e.g. merge.ties")
        return self
