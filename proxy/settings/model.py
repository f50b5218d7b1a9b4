"""Settings: one model (its tables: ``sections``) from three sources: flag > ``FANIN_…`` environment > TOML file.

Durations are seconds, sizes are bytes. ``fanin config`` prints the effective values with their sources.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from proxy.settings.base import RESTART, Section
from proxy.settings.budgets import Budget, Growth
from proxy.settings.observability import LogSettings, OtlpSettings, RecordSettings
from proxy.settings.rules import RuleSettings
from proxy.settings.sources import ConfigError as ConfigError
from proxy.settings.sources import (
    Declarations,
    Declared,
    flatten,
    nearest,
    nested,
    read_environment,
    read_file,
    unknown_variables,
)
from proxy.settings.tables import (
    CatalogSettings,
    DetectSettings,
    DrainSettings,
    IdentitySettings,
    Ignore,
    LimitSettings,
    MergeSettings,
    Override,
    PoolSettings,
    ShadowSettings,
    TimeoutSettings,
    TraceSettings,
)


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


class EffectiveSettings(BaseModel):
    """The settings in force, where each came from, and what to warn about."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    settings: Settings
    sources: dict[str, str]
    warnings: tuple[str, ...] = ()


def load(flags: Mapping[str, Any], file: Path | None = None) -> EffectiveSettings:
    """Settings from dotted ``flags``, ``FANIN_…`` variables and a TOML ``file``; ConfigError when they do not fit."""
    known = declared()
    layers = [
        (str(file), read_file(file) if file else {}),
        ("environment", read_environment(known)),
        ("flag", flags),
    ]
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, "default")
    for source, layer in layers:
        for name, value in flatten(layer):
            if name not in known:
                raise ConfigError(f"{source}: no setting is called '{name}'{nearest(name, known)}")
            values[name] = value
            sources[name] = source
    settings = _validate(values, sources)
    _check(settings, known, sources)
    return EffectiveSettings(settings=settings, sources=sources, warnings=tuple(unknown_variables(known)))


def declared() -> dict[str, Declared]:
    """Every setting's dotted name with what is declared of it, in the order of declaration."""
    return dict(_declared(Settings, ""))


def describe() -> Iterator[tuple[str, str]]:
    """Every setting's dotted name with its help text, in the order of declaration."""
    for name, setting in declared().items():
        yield name, setting.help


def effective(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Every setting's dotted name with its value."""
    for name in declared():
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        yield name, value


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """``settings`` with some ``values``, by dotted name, replaced; ConfigError when one does not fit."""
    return _validate({**dict(effective(settings)), **values}, {})


def _declared(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Declared]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _declared(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, _declaration(field, model.model_config)


def _declaration(field: FieldInfo, table: Mapping[str, Any]) -> Declared:
    many = get_origin(field.annotation) is tuple
    element = get_args(field.annotation)[0] if many else None
    marks = {**(table.get("json_schema_extra") or {}), **_marks(field)}
    return Declared(
        help=field.description or "",
        many=many,
        tables=isinstance(element, type) and issubclass(element, Section),
        secret=field.annotation in (SecretStr, SecretStr | None),
        restart=bool(marks.get("restart")),
        override=bool(marks.get("override")),
    )


def _marks(field: FieldInfo) -> Mapping[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _validate(values: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
    try:
        return Settings(**nested(values))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = _place(first["loc"])
        source = sources.get(name) or sources.get(str(first["loc"][0])) or "settings"
        raise ConfigError(f"{source}: {name}: {_said(first)}") from error


def _place(place: tuple[int | str, ...]) -> str:
    """Where a value stands: ``merge.max_keys``; in a table of a list, counted from 1, ``ignore 2: reason``."""
    match place:
        case (table, int(at), *within):
            return ": ".join((f"{table} {at + 1}", *map(str, within)))
    return ".".join(map(str, place))


def _said(error: Mapping[str, Any]) -> str:
    """What is wrong with it."""
    match error["type"]:
        case "missing":
            return "has to be there"
        case "string_pattern_mismatch" if error["ctx"]["pattern"] == r"\S":
            return "must not be empty"
        case "extra_forbidden":
            return f"is no setting{_hint(error['loc'])}"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
    return str(error["msg"])


def _hint(place: tuple[int | str, ...]) -> str:
    """The end of an error about an unknown name in a table of a list: what was probably meant."""
    tables: dict[str, type[Section]] = {
        "ignore": Ignore,
        "override": Override,
        "budget": Budget,
        "growth": Growth,
    }
    return nearest(str(place[-1]), tables[str(place[0])].model_fields)


def _check(settings: Settings, known: Declarations, sources: Mapping[str, str]) -> None:
    """ConfigError for an override or an ignore that names what there is not, or gives a value that does not fit."""
    own = {name: setting for name, setting in known.items() if setting.override}
    for number, override in enumerate(settings.override, 1):
        place = f"{sources['override']}: override {number}"
        for name in override.changes:
            if name not in own:
                what = "is the same for everybody" if name in known else "is no setting"
                raise ConfigError(f"{place}: '{name}' {what}{nearest(name, own)}")
        try:
            changed(settings, override.changes)
        except ConfigError as error:
            raise ConfigError(f"{place}: {str(error).removeprefix('settings: ')}") from None
    codes = [name.upper() for name in RuleSettings.model_fields if name.startswith("fan")]
    named = [("ignore", number, ignore.rule) for number, ignore in enumerate(settings.ignore, 1)]
    named += [("budget", number, code) for number, budget in enumerate(settings.budget, 1) for code in budget.forbid]
    for table, number, code in named:
        if code and code not in codes:
            raise ConfigError(f"{sources[table]}: {table} {number}: no rule is called '{code}'{nearest(code, codes)}")
