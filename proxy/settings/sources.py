"""Reads a TOML file and the environment into flat mappings of dotted names."""

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from proxy.settings.renamed import RENAMED

PREFIX = "FANIN_"
DEMO_VARIABLES = frozenset(("FANIN_PG_BIN", "FANIN_POSTGREST"))
"""Variables of the demo, which are not settings."""


class ConfigError(Exception):
    """Settings that cannot be used; the message names the setting, its source, and the most similar valid name."""


class AddressInUseError(ConfigError):
    """An address that cannot be bound now, because another process has it: a later start may succeed."""


class Declared(msgspec.Struct, frozen=True):
    """The declaration of a setting."""

    help: str
    many: bool = False
    """Whether its value is a list."""
    tables: bool = False
    """Whether its value is a list of tables."""
    secret: bool = False
    restart: bool = False
    """Whether a change needs a restart."""
    override: bool = False
    """Whether [[override]] can set a value for a relation or a route."""


Declarations = Mapping[str, Declared]
"""Every setting, by its dotted name."""


def read_file(file: Path) -> dict[str, Any]:
    """The tables of the file; ConfigError if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from error


def flatten(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested tables as dotted names with their values."""
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested tables."""
    tables: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return tables


def variable(name: str) -> str:
    """The environment variable of a setting: ``merge.max_keys`` is ``FANIN_MERGE__MAX_KEYS``."""
    return PREFIX + name.upper().replace(".", "__")


def read_environment(known: Declarations) -> dict[str, Any]:
    """Values of ``FANIN_…`` variables by dotted name. ConfigError for a list of tables that is not JSON."""
    return {
        name: from_text(text, declared, variable(name))
        for name, declared in known.items()
        if (text := os.environ.get(variable(name))) is not None
    }


def unknown_variables(known: Declarations) -> Iterator[str]:
    """Warnings about unknown variables. They are not errors, because Kubernetes injects variables of its own."""
    variables = {variable(name) for name in known}
    renamed = {variable(old): variable(new) for old, new in RENAMED.items()}
    for name in os.environ:
        if name in renamed:
            yield f"environment: {name} is now called {renamed[name]}; the old name is ignored"
        elif name.startswith(PREFIX) and name not in variables and name not in DEMO_VARIABLES:
            yield f"environment: {name} is not a setting{nearest(name, variables)}"


def from_text(text: str, declared: Declared, source: str) -> Any:
    """The value of a variable or a flag: lists are separated by commas, tables are JSON, all else is text."""
    if declared.tables or (declared.many and text.lstrip().startswith("[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{source}: is not JSON: {error}") from None
    if declared.many:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def nearest(name: str, known: Iterable[str], otherwise: str = "; `fanin config` lists them all") -> str:
    """The end of an error about an unknown ``name``: the most similar known name."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else otherwise
