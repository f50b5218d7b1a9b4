"""Tables of the TOML file, as in ``tables``: what fanin tells of itself."""

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from proxy.settings_base import RESTART, Count, Positive, Section


class LogSettings(Section):
    traces: Annotated[float, Field(ge=0)] = Field(
        20.0, description="Lines a second for closed traces; the next line says how many were left out. 0: no lines."
    )
    warnings: Positive = Field(60.0, description="The same for warnings, a minute; and for what libraries log.")


class OtlpSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    endpoint: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Where spans are sent by OTLP over HTTP: http://collector:4318. Empty: nowhere. Needs the extra "
        "otel; OTEL_ variables (headers, service name, sampler, …) hold too.",
    )
    queue: Count = Field(8192, description="Spans that wait to be sent; more are left out, and counted.")
    flush_timeout: Positive = Field(2.0, description="After the last request: the time to send what still waits.")


class RecordSettings(Section):
    model_config = ConfigDict(json_schema_extra=RESTART)

    file: Path | None = Field(
        None,
        description="Closed traces are written here, a line of JSON each, without values, for `fanin check` and "
        "`fanin audit`.",
    )
    max_bytes: Annotated[int, Field(ge=10_000)] = Field(
        100_000_000, description="A file of this size gets a number, and a new one is begun."
    )
    files: Annotated[int, Field(ge=2)] = Field(
        5, description="Files at most: FILE, FILE.1 (the one before), …; the oldest is removed."
    )
    queue: Count = Field(20_000, description="Spans that wait to be written; traces beyond are left out, and counted.")
