"""Loads and checks the settings. A flag overrides a ``FANIN_…`` variable, and that overrides the TOML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from proxy.findings.ignores import Ignore
from proxy.settings.budgets import Budget, Growth
from proxy.settings.declared import declared, effective
from proxy.settings.model import Settings
from proxy.settings.renamed import RENAMED
from proxy.settings.sources import (
    ConfigError,
    Declarations,
    flatten,
    nearest,
    nested,
    read_environment,
    read_file,
    unknown_variables,
)
from proxy.settings.tables import Override
from rules import RULES

if TYPE_CHECKING:
    from proxy.settings_base import Section


class EffectiveSettings(BaseModel):
    """The settings in force, the source of each by dotted name, and warnings."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    settings: Settings
    sources: dict[str, str]
    warnings: tuple[str, ...] = ()


def load(flags: Mapping[str, Any], file: Path | None = None) -> EffectiveSettings:
    """Settings from dotted ``flags``, ``FANIN_…`` variables and a TOML ``file``; ConfigError if they are invalid."""
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
            if name in RENAMED:
                raise ConfigError(f"{source}: '{name}' is now called '{RENAMED[name]}'")
            if name not in known:
                raise ConfigError(f"{source}: no setting is called '{name}'{nearest(name, known)}")
            values[name] = value
            sources[name] = source
    settings = _validate(values, sources)
    _check(settings, known, sources)
    return EffectiveSettings(settings=settings, sources=sources, warnings=tuple(unknown_variables(known)))


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """``settings`` with some ``values``, by dotted name, replaced; ConfigError if one is invalid."""
    return _validate({**dict(effective(settings)), **values}, {})


def _validate(values: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
    try:
        return Settings(**nested(values))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = _place(first["loc"])
        source = sources.get(name) or sources.get(str(first["loc"][0])) or "settings"
        raise ConfigError(f"{source}: {name}: {_said(first)}") from error


def _place(place: tuple[int | str, ...]) -> str:
    """The position of a value: ``merge.max_keys``; in a list of tables, counted from 1, ``ignore 2: reason``."""
    match place:
        case (table, int(at), *within):
            return ": ".join((f"{table} {at + 1}", *map(str, within)))
    return ".".join(map(str, place))


def _said(error: Mapping[str, Any]) -> str:
    """What is wrong with the value."""
    match error["type"]:
        case "missing":
            return "is missing"
        case "string_pattern_mismatch" if error["ctx"]["pattern"] == r"\S":
            return "must not be empty"
        case "extra_forbidden":
            return f"is not a setting{_hint(error['loc'])}"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
    return str(error["msg"])


def _hint(place: tuple[int | str, ...]) -> str:
    """The end of an error about an unknown name in a list of tables: the most similar name."""
    tables: dict[str, type[Section]] = {
        "ignore": Ignore,
        "override": Override,
        "budget": Budget,
        "growth": Growth,
    }
    return nearest(str(place[-1]), tables[str(place[0])].model_fields)


def _check(settings: Settings, known: Declarations, sources: Mapping[str, str]) -> None:
    """ConfigError if a table of a list names an unknown setting or rule, or has an invalid value."""
    own = {name: setting for name, setting in known.items() if setting.override}
    for number, override in enumerate(settings.override, 1):
        place = f"{sources['override']}: override {number}"
        for name in override.changes:
            if name not in own:
                what = "cannot be overridden" if name in known else "is not a setting"
                raise ConfigError(f"{place}: '{name}' {what}{nearest(name, own)}")
        try:
            changed(settings, override.changes)
        except ConfigError as error:
            raise ConfigError(f"{place}: {str(error).removeprefix('settings: ')}") from None
    codes = [rule.code for rule in RULES]
    named = [("ignore", number, ignore.rule) for number, ignore in enumerate(settings.ignore, 1)]
    named += [("budget", number, code) for number, budget in enumerate(settings.budget, 1) for code in budget.forbid]
    for table, number, code in named:
        if code and code not in codes:
            raise ConfigError(f"{sources[table]}: {table} {number}: no rule is called '{code}'{nearest(code, codes)}")
