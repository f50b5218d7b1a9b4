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
from proxy.settings.resources import DrainSettings, LimitSettings, OverloadSettings, PoolSettings, TimeoutSettings
from proxy.settings.rules import RuleSettings
from proxy.settings.tables import (
    CacheSettings,
    CatalogSettings,
    DetectSettings,
    IdentitySettings,
    MergeSettings,
    Override,
    PrefetchSettings,
    ShadowSettings,
    TraceSettings,
)
from proxy.settings_base import RESTART


class Settings(BaseSettings):
    """All settings; ``fanin config`` prints them."""

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
        """Only the values that ``load`` passes: it merges the sources itself, to know the source of each value."""
        return (init_settings,)

    upstream: str = Field(
        "http://127.0.0.1:3000",
        description="PostgREST, or the gateway in front of it: http(s)://HOST[:PORT][/base] or unix:/path.",
        json_schema_extra=RESTART,
    )
    upstream_ca: Path | None = Field(
        None, description="PEM file of the CA that signed upstream's certificate.", json_schema_extra=RESTART
    )
    upstream_host: Literal["upstream", "client"] = Field(
        "upstream",
        description="Host header that upstream gets. upstream: its own name; client: the one that the client sent, "
        "in which callers of one merged call must then agree.",
    )
    db_uri: SecretStr | None = Field(
        None,
        description="URI of PostgREST's database, postgres://…; fanin reads types, collations, unique indexes from it. "
        "FANIN_DB_URI_FILE names a file that contains it.",
        json_schema_extra=RESTART,
    )
    openapi_token: SecretStr | None = Field(
        None,
        description="Token of a role that sees the tables, for detect.openapi: it is sent as Authorization and apikey. "
        "Without it, PostgREST describes what its anonymous role sees.",
        json_schema_extra=RESTART,
    )
    mount: str = Field(
        "auto",
        description="Path prefix of PostgREST as clients see it; auto: /rest/v1 on Supabase, else /.",
        json_schema_extra=RESTART,
    )
    mount_alias: str = Field(
        "",
        pattern=r"^(/[!-~]*[!-.0-~])?$",
        description="Another path prefix under which clients reach the same PostgREST, e.g. /rest/v1 for supabase-js "
        "in front of a plain PostgREST; empty: none.",
        json_schema_extra=RESTART,
    )
    profile: Literal["auto", "postgrest", "supabase"] = Field(
        "auto",
        description="Gateway in front of PostgREST. supabase: Kong, Envoy or Cloudflare, whose headers fanin knows; "
        "postgrest: none; auto: detected by upstream's name, or by a request to it at start.",
        json_schema_extra=RESTART,
    )
    listen: str = Field(
        "127.0.0.1:8000",
        description="HOST:PORT on which clients connect, or unix:/path of a socket.",
        json_schema_extra=RESTART,
    )
    admin: str = Field(
        "127.0.0.1:9000",
        description="HOST:PORT, or unix:/path, for pages, API, metrics and health; 'off' for none.",
        json_schema_extra=RESTART,
    )
    metrics: str = Field(
        "off",
        description="HOST:PORT, or unix:/path, for metrics and health only, the same as on the admin port; 'off' for "
        "none.",
        json_schema_extra=RESTART,
    )
    admin_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Token for access to the admin port's pages and API from other machines; sent once as ?token=…. "
        "FANIN_ADMIN_TOKEN_FILE names a file that contains it.",
    )
    admin_hosts: tuple[str, ...] = Field(
        (),
        description="Host names of the admin port besides localhost and addresses; requests with others are refused.",
    )
    mode: Literal["pass", "observe", "shadow", "rewrite"] = Field(
        "rewrite",
        description="pass: only forward. observe: also trace requests and run the rules. shadow: also send merged "
        "calls in the background and compare them with the originals. rewrite: answer from merged calls.",
    )
    debug: bool = Field(
        False,
        description="Print every trace as a tree, and add the headers X-Fanin and Server-Timing to answers.",
        json_schema_extra=RESTART,
    )
    show_values: bool = Field(
        False,
        description="For local debugging only: traces keep each request's target with its values in memory, for the "
        "pages of the admin port.",
        json_schema_extra=RESTART,
    )
    headers: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether answers have X-Fanin, X-Fanin-Trace, X-Fanin-Queries, X-Fanin-Saved; auto: with debug.",
    )
    forwarded: Literal["off", "append"] = Field(
        "off", description="append: add an X-Forwarded-For header with the client's address."
    )
    trace: TraceSettings = TraceSettings()
    merge: MergeSettings = MergeSettings()
    shadow: ShadowSettings = ShadowSettings()
    prefetch: PrefetchSettings = PrefetchSettings()
    cache: CacheSettings = CacheSettings()
    limits: LimitSettings = LimitSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    pool: PoolSettings = PoolSettings()
    overload: OverloadSettings = OverloadSettings()
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
        description="Tables [[override]]: other values for one relation, one route, or one relation on one route.",
    )
    ignore: tuple[Ignore, ...] = Field(
        (), description="Tables [[ignore]]: known findings that are not reported, each with a reason."
    )
    budget: tuple[Budget, ...] = Field(
        (), description="Tables [[budget]]: what one request of a route may cost, for fanin check."
    )
    growth: tuple[Growth, ...] = Field(
        (), description="Tables [[growth]]: routes whose cost must not grow with the amount of work, for fanin check."
    )
