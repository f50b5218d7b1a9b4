"""Loads and checks the settings. A flag overrides a ``FANIN_…`` variable, and that overrides the TOML file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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
    parse,
    read_environment,
    read_text,
    unknown_variables,
)
from proxy.settings.tables import Override
from proxy.settings.toml_lines import TomlPath, line_of, lines_of
from rules import RULES

if TYPE_CHECKING:
    from proxy.settings_base import Section


T = TypeVar("T")
NEEDS_FRESH = "{} needs a value for cache.fresh: the seconds for which an answer may be used"


class EffectiveSettings(BaseModel):
    """The settings in force, the source of each by dotted name, and warnings."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    settings: Settings
    sources: dict[str, str]
    warnings: tuple[str, ...] = ()


def load(
    flags: Mapping[str, Any],
    file: Path | None = None,
    check: Callable[[Settings], Iterable[tuple[str, str]]] = lambda _: (),
) -> EffectiveSettings:
    """Settings from dotted ``flags``, ``FANIN_…`` variables and a TOML ``file``.

    ConfigError with everything that is wrong, one line each, if they are invalid. ``check`` yields names of settings,
    and what is wrong with their values.
    """
    known = declared()
    text = read_text(file) if file else ""
    faults = Faults(str(file), text)
    layers = [
        (str(file), parse(text, file) if file else {}),
        ("environment", faults.caught(lambda: read_environment(known), dict[str, Any]())),
        ("flag", flags),
    ]
    values: dict[str, Any] = {}
    for source, layer in layers:
        for name, value in flatten(layer):
            if name in RENAMED:
                faults.add(source, name.split("."), f"'{name}' is now called '{RENAMED[name]}'")
            elif value == {} and any(each.startswith(f"{name}.") for each in known):
                continue
            elif name not in known:
                faults.add(source, name.split("."), f"no setting is called '{name}'{nearest(name, known)}")
            else:
                values[name] = value
                faults.sources[name] = source
    settings = _validated(values, faults)
    if settings is not None:
        _check_tables(settings, known, faults)
        for name, what in check(settings):
            faults.add_value(name, name.split("."), f"{name}: {what}")
    if faults.found or settings is None:
        raise ConfigError("\n".join(faults.texts))
    sources = dict.fromkeys(known, "default") | faults.sources
    return EffectiveSettings(settings=settings, sources=sources, warnings=tuple(unknown_variables(known)))


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """``settings`` with some ``values``, by dotted name, replaced; ConfigError if one is invalid."""
    try:
        return Settings(**nested({**dict(effective(settings)), **values}))
    except ValidationError as error:
        lines = [f"settings: {_place(each['loc'])}: {_message(each)}" for each in error.errors(include_input=False)]
        raise ConfigError("\n".join(lines)) from error


class Faults:
    """What is wrong with settings, each with its source: for ``file``, whose content is ``text``, with the line."""

    def __init__(self, file: str, text: str) -> None:
        self.found: list[tuple[int, str]] = []
        """The line in the file, 0 for what is wrong elsewhere, and the text."""
        self.sources: dict[str, str] = {}
        """The source of each setting that has one, by dotted name."""
        self._file = file
        self._text = text
        self._lines: dict[TomlPath, int] | None = None

    def add(self, source: str, path: Sequence[str | int], what: str) -> None:
        """``what`` is wrong with the value at ``path`` of ``source``."""
        line = (self._line(tuple(path)) if source == self._file else None) or 0
        self.found.append((line, f"{source}:{line}: {what}" if line else f"{source}: {what}"))

    def add_value(self, name: str, path: Sequence[str | int], what: str) -> None:
        """``what`` is wrong with the value of the setting ``name``, or with its part at ``path``."""
        self.add(self.sources.get(name, "settings"), path, what)

    def caught(self, read: Callable[[], T], otherwise: T) -> T:
        """What ``read`` returns; ``otherwise`` if it raises a ConfigError."""
        try:
            return read()
        except ConfigError as error:
            self.found.append((0, str(error)))
            return otherwise

    @property
    def texts(self) -> list[str]:
        """All texts, in the order of the file's lines."""
        return [text for _, text in sorted(self.found, key=lambda each: each[0])]

    def _line(self, path: TomlPath) -> int | None:
        if self._lines is None:
            self._lines = lines_of(self._text)
        return line_of(self._lines, path)


def _validated(values: dict[str, Any], faults: Faults) -> Settings | None:
    """The settings; with faults, those without the invalid values, so that these can be checked too, if possible."""
    try:
        return Settings(**nested(values))
    except ValidationError as error:
        wrong = set()
        for each in error.errors(include_input=False):
            name = next((name for name in values if _is_part(each["loc"], name)), str(each["loc"][0]))
            faults.add_value(name, each["loc"], f"{_place(each['loc'])}: {_message(each)}")
            wrong.add(name)
    try:
        return Settings(**nested({name: value for name, value in values.items() if name not in wrong}))
    except ValidationError:
        return None


def _is_part(place: tuple[int | str, ...], name: str) -> bool:
    """Whether ``place`` is the setting ``name``, or a part of its value."""
    path = tuple(name.split("."))
    return place[: len(path)] == path


def _place(place: tuple[int | str, ...]) -> str:
    """The position of a value: ``merge.max_keys``; in a list of tables, counted from 1, ``ignore 2: reason``."""
    match place:
        case (table, int(at), *within):
            return ": ".join((f"{table} {at + 1}", *map(str, within)))
    return ".".join(map(str, place))


def _message(error: Mapping[str, Any]) -> str:
    """What is wrong with the value."""
    match error["type"]:
        case "missing":
            return "is missing"
        case "string_pattern_mismatch" if error["ctx"]["pattern"] == r"\S":
            return "must not be empty"
        case "too_short" if "min_length" in error["ctx"]:
            return f"must have at least {error['ctx']['min_length']} characters, not {error['ctx']['actual_length']}"
        case "extra_forbidden":
            return f"is not a setting{_hint(error['loc'])}"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
    return str(error["msg"])


def _hint(place: tuple[int | str, ...]) -> str:
    """The end of an error about an unknown name in a list of tables: the most similar name, or all names."""
    tables: dict[str, type[Section]] = {
        "ignore": Ignore,
        "override": Override,
        "budget": Budget,
        "growth": Growth,
    }
    fields = tables[str(place[0])].model_fields
    return nearest(str(place[-1]), fields, f"; {place[0]} has {', '.join(fields)}")


def _check_tables(settings: Settings, known: Declarations, faults: Faults) -> None:
    """Add a fault for each table of a list that names an unknown setting or rule, or has an invalid value."""
    own = {name: setting for name, setting in known.items() if setting.override}
    for at, override in enumerate(settings.override):
        for name in override.changes:
            if name not in own:
                what = "cannot be overridden" if name in known else "is not a setting"
                where: TomlPath = ("override", at, *name.split("."))
                faults.add_value("override", where, f"override {at + 1}: '{name}' {what}{nearest(name, own)}")
        for name, value in override.changes.items():
            if name in own:
                _check_override(settings, at, (name, value), faults)
    for where, what in (*_without_fresh_time(settings), *_shared_wrongly(settings)):
        faults.add_value(str(where[0]), where, what)
    codes = [rule.code for rule in RULES]
    named = [("ignore", at, "rule", ignore.rule) for at, ignore in enumerate(settings.ignore)]
    named += [("budget", at, "forbid", code) for at, budget in enumerate(settings.budget) for code in budget.forbid]
    for table, at, key, code in named:
        if code and code not in codes:
            what = f"{table} {at + 1}: no rule is called '{code}'{nearest(code, codes)}"
            faults.add_value(table, (table, at, key), what)


def _without_fresh_time(settings: Settings) -> Iterable[tuple[TomlPath, str]]:
    """Where answers are to be kept without saying for how long, and what to do."""
    if settings.cache.fresh is not None:
        return
    if settings.rules.fan006 == "rewrite":
        yield ("rules", "fan006"), NEEDS_FRESH.format("rules.fan006 = 'rewrite'")
    if settings.cache.stale_while_revalidate:
        yield ("cache", "stale_while_revalidate"), NEEDS_FRESH.format("cache.stale_while_revalidate")
    for at, override in enumerate(settings.override):
        changes = override.changes
        if "cache.fresh" in changes:
            continue
        if changes.get("rules.fan006") == "rewrite":
            needs = NEEDS_FRESH.format("rules.fan006 = 'rewrite'")
            yield ("override", at, "rules", "fan006"), f"override {at + 1}: {needs}"
        if changes.get("cache.stale_while_revalidate"):
            needs = NEEDS_FRESH.format("cache.stale_while_revalidate")
            yield ("override", at, "cache", "stale_while_revalidate"), f"override {at + 1}: {needs}"


def _shared_wrongly(settings: Settings) -> Iterable[tuple[TomlPath, str]]:
    """Where answers are to be shared by all identities without what that needs, and what to do."""
    if settings.cache.shared:
        yield ("cache", "shared"), "cache.shared is for single relations: set it in an [[override]] that names one"
    for at, override in enumerate(settings.override):
        if not override.changes.get("cache.shared"):
            continue
        where: TomlPath = ("override", at, "cache", "shared")
        if not override.relation:
            yield where, f"override {at + 1}: cache.shared is for single relations: name one"
        if settings.db_uri is None:
            yield where, f"override {at + 1}: cache.shared needs db_uri: policies, grants and roles are read there"


def _check_override(settings: Settings, at: int, change: tuple[str, Any], faults: Faults) -> None:
    name, value = change
    try:
        changed(settings, {name: value})
    except ConfigError as error:
        for what in str(error).splitlines():
            where: TomlPath = ("override", at, *name.split("."))
            faults.add_value("override", where, f"override {at + 1}: {what.removeprefix('settings: ')}")
