"""Settings: one model (its tables: ``sections``) from three sources: flag > ``FANIN_…`` environment > TOML file.

Durations are seconds, sizes are bytes. ``fanin config`` prints the effective values with their sources.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from proxy.sections import (
    Catalog,
    Drain,
    Identity,
    Limits,
    Merge,
    Pool,
    Rules,
    Section,
    Shadow,
    Timeouts,
    Trace,
)

DEMO_VARIABLES = frozenset(("FANIN_PG_BIN", "FANIN_POSTGREST"))
"""What the demo's servers read for themselves."""


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
    )
    upstream_ca: Path | None = Field(None, description="PEM file of the authority that signed upstream's certificate.")
    upstream_host: Literal["upstream", "client"] = Field(
        "upstream",
        description="Whose Host header upstream sees: its own name, or what the client sent.",
    )
    db_uri: SecretStr | None = Field(
        None,
        description="The database behind PostgREST, postgres://…: types, collations, unique indexes are read from it.",
    )
    mount: str = Field(
        "auto",
        description="Where PostgREST lives in clients' paths; auto: /rest/v1 on Supabase, else /.",
    )
    profile: Literal["auto", "postgrest", "supabase"] = Field(
        "auto",
        description="What stands before PostgREST. supabase: Kong, Envoy, Cloudflare, whose headers are known; "
        "postgrest: nothing; auto: supabase by upstream's name or by asking it at start.",
    )
    listen: str = Field("127.0.0.1:8000", description="HOST:PORT for clients.")
    admin: str = Field("127.0.0.1:9000", description="HOST:PORT for metrics and health; 'off' for none.")
    mode: Literal["pass", "observe", "shadow", "rewrite"] = Field(
        "rewrite",
        description="pass: only forward. observe: also trace and find. shadow: also merge beside the originals, and "
        "compare. rewrite: answer from merged calls.",
    )
    debug: bool = Field(False, description="Print every trace as a tree, and send X-Fanin answer headers.")
    headers: Literal["auto", "on", "off"] = Field("auto", description="X-Fanin answer headers; auto: with debug.")
    forwarded: Literal["off", "append"] = Field("off", description="append adds X-Forwarded-For.")
    trace: Trace = Trace()
    merge: Merge = Merge()
    shadow: Shadow = Shadow()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    pool: Pool = Pool()
    identity: Identity = Identity()
    catalog: Catalog = Catalog()
    rules: Rules = Rules()
    drain: Drain = Drain()


class ConfigError(Exception):
    """Settings that cannot be used; the message names the setting, its source, and the nearest right name."""


class Effective(BaseModel):
    """The settings in force, where each came from, and what to warn about."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    settings: Settings
    sources: dict[str, str]
    warnings: tuple[str, ...] = ()


def load(flags: Mapping[str, Any], file: Path | None = None) -> Effective:
    """Settings from dotted ``flags``, ``FANIN_…`` variables and a TOML ``file``; ConfigError when they do not fit."""
    known = dict(describe())
    layers = [
        (str(file), _read(file) if file else {}),
        ("environment", _environment(known)),
        ("flag", flags),
    ]
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, "default")
    for source, layer in layers:
        for name, value in _flatten(layer):
            if name not in known:
                raise ConfigError(f"{source}: no setting is called '{name}'{_nearest(name, known)}")
            values[name] = value
            sources[name] = source
    return Effective(
        settings=_validate(values, sources),
        sources=sources,
        warnings=tuple(_unknown_variables(known)),
    )


def describe() -> Iterator[tuple[str, str]]:
    """Every setting's dotted name with its help text, in the order of declaration."""
    yield from _describe(Settings, "")


def effective(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Every setting's dotted name with its value."""
    for name, _ in describe():
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        yield name, value


def _describe(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _describe(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field.description or ""


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from error


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _nearest(name: str, known: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else "; `fanin config` lists them all"


def _validate(values: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
    nested: dict[str, Any] = {}
    for name, value in values.items():
        *tables, last = name.split(".")
        table = nested
        for part in tables:
            table = table.setdefault(part, {})
        table[last] = value
    try:
        return Settings(**nested)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        source = sources.get(name, "settings")
        raise ConfigError(f"{source}: {name}: {first['msg']}") from error


def _environment(known: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in _flatten(EnvSettingsSource(Settings)()) if name in known}


def _unknown_variables(known: Mapping[str, str]) -> Iterator[str]:
    """Kubernetes injects variables of its own, so an unknown one is worth a warning and no more."""
    variables = {f"FANIN_{name.upper().replace('.', '__')}": name for name in known}
    for variable in os.environ:
        if variable.startswith("FANIN_") and variable not in variables and variable not in DEMO_VARIABLES:
            yield f"environment: {variable} is not a setting{_nearest(variable, variables)}"
