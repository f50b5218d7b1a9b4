"""Tables of the TOML file for the outputs of fanin: log, OTLP, recordings."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from proxy.settings_base import RESTART, Count, Positive, Section


class LogSettings(Section):
    format: Literal["json", "logfmt", "console"] = Field(
        "json",
        description="Format of the log on stderr. Each line has timestamp, level, event (its kind) and message.",
        json_schema_extra=RESTART,
    )
    access: bool = Field(
        False,
        description="Also log one line per request: method, relation, status, duration, outcome. No values.",
        json_schema_extra=RESTART,
    )
    traces: Annotated[float, Field(ge=0)] = Field(
        20.0,
        description="Maximum log lines per second for closed traces; the next line counts the omitted ones. 0: none.",
    )
    warnings: Positive = Field(
        60.0, description="The same for warnings, per minute; and separately for what libraries log."
    )
    queue: Annotated[int, Field(ge=10_000)] = Field(
        4_000_000,
        description="Maximum bytes of log lines that wait to be written, and of the trees of debug; further lines are "
        "dropped and counted. A reader of stderr or stdout that stops reading stops nothing else.",
        json_schema_extra=RESTART,
    )
    flush_timeout: Positive = Field(
        2.0, description="At shutdown: maximum time to write the waiting lines.", json_schema_extra=RESTART
    )


class OtlpSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    endpoint: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Base URL to which spans are sent by OTLP over HTTP, e.g. http://collector:4318; empty: none are "
        "sent. Needs the extra otel. OTEL_ variables (headers, service name, sampler, …) also apply.",
    )
    queue: Count = Field(8192, description="Maximum spans that wait to be sent; further ones are dropped and counted.")
    queue_bytes: Count = Field(32_000_000, description="Maximum bytes in memory of these spans; the same happens.")
    flush_timeout: Positive = Field(
        2.0, description="At shutdown, after the last request: maximum time to send the waiting spans."
    )
    metrics: bool = Field(
        True,
        description="Also send the metric db.client.operation.duration, to the same base URL. Set false for a back end "
        "that takes traces only.",
    )
    database: str = Field(
        "",
        max_length=200,
        description="Name of the database in the attribute db.namespace; empty: the one in db_uri, if that is set.",
    )


class RecordSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    file: Path | None = Field(
        None,
        description="File to which closed traces are written, one line of JSON per trace, without values, for "
        "`fanin check` and `fanin audit`.",
    )
    max_bytes: Annotated[int, Field(ge=10_000)] = Field(
        100_000_000, description="At this size the file is renamed to FILE.1 and a new one is started."
    )
    files: Annotated[int, Field(ge=2)] = Field(
        5, description="Maximum number of files: FILE, FILE.1 (the previous one), …; the oldest is removed."
    )
    queue: Count = Field(
        20_000, description="Maximum spans that wait to be written; further traces are dropped and counted."
    )
    queue_bytes: Count = Field(64_000_000, description="Maximum bytes in memory of these spans; the same happens.")
