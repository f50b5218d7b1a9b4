"""Every setting: one model, whose tables are in ``tables``, ``observability``, ``budgets`` and ``rules``.

Durations are seconds, sizes are bytes. ``fanin config`` prints the effective values with their sources.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from proxy.findings.ignores import Ignore
from proxy.settings.budgets import Budget, Growth
from proxy.settings.observability import LogSettings, OtlpSettings, RecordSettings
from proxy.settings.rules import RuleSettings
from proxy.settings.tables import (
    CatalogSettings,
    DetectSettings,
    DrainSettings,
    IdentitySettings,
    LimitSettings,
    MergeSettings,
    Override,
    PoolSettings,
    ShadowSettings,
    TimeoutSettings,
    TraceSettings,
)
from proxy.settings_base import RESTART


class Settings(BaseSettings):
    """Everything that can be set; see ``fanin config``."""

    model_config = SettingsConfigDict(env_prefix="FANIN_", env_nested_delimiter="__", extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``load`` hands in: it layers the sources itself, so that it can name the source of each value."""
        return (init_settings,)

    upstream: str = Field(
        "http://127.0.0.1:3000",
        description="PostgREST or the gateway before it: http(s)://HOST[:PORT][/base] or unix:/path.",
        json_schema_extra=RESTART,
    )
    upstream_ca: Path | None = Field(
        None, description="PEM file of the authority that signed upstream's certificate.", json_schema_extra=RESTART
    )
    upstream_host: Literal["upstream", "client"] = Field(
        "upstream",
        description="Whose Host header upstream sees: its own name, or what the client sent.",
    )
    db_uri: SecretStr | None = Field(
        None,
        description="The database behind PostgREST, postgres://…: types, collations, unique indexes are read from it.",
        json_schema_extra=RESTART,
    )
    mount: str = Field(
        "auto",
        description="Where PostgREST lives in clients' paths; auto: /rest/v1 on Supabase, else /.",
        json_schema_extra=RESTART,
    )
    profile: Literal["auto", "postgrest", "supabase"] = Field(
        "auto",
        description="What stands before PostgREST. supabase: Kong, Envoy, Cloudflare, whose headers are known; "
        "postgrest: nothing; auto: supabase by upstream's name or by asking it at start.",
        json_schema_extra=RESTART,
    )
    listen: str = Field("127.0.0.1:8000", description="HOST:PORT for clients.", json_schema_extra=RESTART)
    admin: str = Field(
        "127.0.0.1:9000",
        description="HOST:PORT for metrics, health and the API; 'off' for none.",
        json_schema_extra=RESTART,
    )
    metrics: str = Field(
        "off",
        description="HOST:PORT for metrics and health alone, as at the admin port; 'off' for none.",
        json_schema_extra=RESTART,
    )
    admin_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Shown once as ?token=…, lets other machines see the admin port's pages and API.",
    )
    admin_hosts: tuple[str, ...] = Field(
        (), description="Names that the admin port goes by, besides localhost and addresses; others are refused."
    )
    mode: Literal["pass", "observe", "shadow", "rewrite"] = Field(
        "rewrite",
        description="pass: only forward. observe: also trace and find. shadow: also merge beside the originals, and "
        "compare. rewrite: answer from merged calls.",
    )
    debug: bool = Field(
        False,
        description="Print every trace as a tree, and send X-Fanin and Server-Timing answer headers.",
        json_schema_extra=RESTART,
    )
    show_values: bool = Field(
        False,
        description="Local debugging only: keep each request's target, values included, in memory with its trace, "
        "for the admin port's pages.",
        json_schema_extra=RESTART,
    )
    headers: Literal["auto", "on", "off"] = Field(
        "auto",
        description="X-Fanin, X-Fanin-Trace, X-Fanin-Queries and X-Fanin-Saved on answers; auto: with debug.",
    )
    forwarded: Literal["off", "append"] = Field("off", description="append adds X-Forwarded-For.")
    trace: TraceSettings = TraceSettings()
    merge: MergeSettings = MergeSettings()
    shadow: ShadowSettings = ShadowSettings()
    limits: LimitSettings = LimitSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    pool: PoolSettings = PoolSettings()
    identity: IdentitySettings = IdentitySettings()
    catalog: CatalogSettings = CatalogSettings()
    rules: RuleSettings = RuleSettings()
    detect: DetectSettings = DetectSettings()
    log: LogSettings = LogSettings()
    otlp: OtlpSettings = OtlpSettings()
    record: RecordSettings = RecordSettings()
    drain: DrainSettings = DrainSettings()
    override: tuple[Override, ...] = Field(
        (),
        description="Tables [[override]]: other values for one relation, one route, or one relation in one route.",
    )
    ignore: tuple[Ignore, ...] = Field(
        (), description="Tables [[ignore]]: findings that are known, each with a reason."
    )
    budget: tuple[Budget, ...] = Field(
        (), description="Tables [[budget]]: what one request of a route may cost, for fanin check."
    )
    growth: tuple[Growth, ...] = Field(
        (), description="Tables [[growth]]: what must not cost more where there is more to do, for fanin check."
    )
