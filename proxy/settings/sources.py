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
FILE = "_FILE"
"""Ends the name of a variable that names a file with a secret."""
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


def read_text(file: Path) -> str:
    """The content of a TOML file; ConfigError if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from error


def parse(text: str, file: Path | None) -> dict[str, Any]:
    """The tables of a TOML file with the content ``text``; ConfigError, which names ``file``, if it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from error


def flatten(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested tables as dotted names with their values; a table that is empty has itself as its value."""
    for name, value in tables.items():
        if isinstance(value, dict) and value:
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
    """Values of ``FANIN_…`` variables by dotted name; a secret may be in a file that ``FANIN_…_FILE`` names.

    ConfigError for a list of tables that is not JSON, and for a file that cannot be read.
    """
    values = {
        name: from_text(text, declared, variable(name))
        for name, declared in known.items()
        if (text := os.environ.get(variable(name))) is not None
    }
    for name in (name for name, declared in known.items() if declared.secret):
        file = os.environ.get(variable(name) + FILE)
        if file:
            if name in values:
                raise ConfigError(f"environment: set {variable(name)} or {variable(name)}{FILE}, not both")
            values[name] = _read_secret(Path(file), variable(name) + FILE)
    return values


def _read_secret(file: Path, source: str) -> str:
    """The text of ``file`` without its line end, as Docker's and systemd's secrets are files."""
    try:
        return file.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"{source}: {file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{source}: {file}: is not UTF-8") from None


def unknown_variables(known: Declarations) -> Iterator[str]:
    """Warnings about unknown variables. They are not errors, because Kubernetes injects variables of its own."""
    secrets = {variable(name) + FILE for name, declared in known.items() if declared.secret}
    variables = {variable(name) for name in known} | secrets
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
