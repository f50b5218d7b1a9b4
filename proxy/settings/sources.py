"""Where settings come from: a TOML file and the environment, read into flat layers of dotted names."""

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
"""What the demo's servers read for themselves."""


class ConfigError(Exception):
    """Settings that cannot be used; the message names the setting, its source, and the nearest right name."""


class Declared(msgspec.Struct, frozen=True):
    """What a setting's declaration says of it."""

    help: str
    many: bool = False
    """Whether its value is a list."""
    tables: bool = False
    """Whether its value is a list of tables."""
    secret: bool = False
    restart: bool = False
    """Whether a change takes a restart."""
    override: bool = False
    """Whether a relation or a route may have a value of its own."""


Declarations = Mapping[str, Declared]
"""Every setting, by its dotted name."""


def read_file(file: Path) -> dict[str, Any]:
    """The file's tables; ConfigError when it is not there, or no TOML."""
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
    """What ``FANIN_…`` variables say. ConfigError for a list of tables that is not JSON."""
    return {
        name: from_text(text, declared, variable(name))
        for name, declared in known.items()
        if (text := os.environ.get(variable(name))) is not None
    }


def unknown_variables(known: Declarations) -> Iterator[str]:
    """Kubernetes injects variables of its own, so an unknown one is worth a warning and no more."""
    variables = {variable(name) for name in known}
    renamed = {variable(old): variable(new) for old, new in RENAMED.items()}
    for name in os.environ:
        if name in renamed:
            yield f"environment: {name} is called {renamed[name]} now, and is ignored"
        elif name.startswith(PREFIX) and name not in variables and name not in DEMO_VARIABLES:
            yield f"environment: {name} is not a setting{nearest(name, variables)}"


def from_text(text: str, declared: Declared, source: str) -> Any:
    """A value as a variable or a flag has it: lists with commas between, tables as JSON, all else as it is."""
    if declared.tables or (declared.many and text.lstrip().startswith("[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{source}: is not JSON: {error}") from None
    if declared.many:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def nearest(name: str, known: Iterable[str], otherwise: str = "; `fanin config` lists them all") -> str:
    """The end of an error about an unknown ``name``: what was probably meant."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else otherwise
