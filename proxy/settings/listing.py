"""The settings for display: with sources and help texts, without secrets."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from proxy.settings.declared import declared
from proxy.settings.loading import EffectiveSettings

MASK = "(secret)"
"""Shown in place of a secret that is set."""


class ListedSetting(msgspec.Struct, frozen=True):
    """A setting for display."""

    name: str
    value: Any
    """A JSON value: None if it is not set, ``MASK`` if it is a secret."""
    source: str
    help: str
    restart: bool


def listed(loaded: EffectiveSettings) -> Iterator[ListedSetting]:
    """Every setting, in the order of declaration."""
    values = loaded.settings.model_dump(mode="json")
    for name, setting in declared().items():
        value: Any = values
        for part in name.split("."):
            value = value[part]
        if setting.secret and value is not None:
            value = MASK
        yield ListedSetting(name, value, loaded.sources[name], setting.help, setting.restart)


def as_toml(loaded: EffectiveSettings) -> Iterator[str]:
    """The lines of a settings file with the same values, without secrets; lists of tables last, as TOML requires."""
    lists: list[ListedSetting] = []
    for setting in listed(loaded):
        comment = f"# {setting.source}: {setting.help}"
        if declared()[setting.name].tables:
            lists.append(setting)
        elif setting.value is None:
            yield f"# {setting.name} is not set  {comment}"
        elif setting.value == MASK:
            yield f"# {setting.name} is set, and secret  {comment}"
        else:
            yield f"{setting.name} = {_toml(setting.value)}  {comment}"
    for setting in lists:
        yield f"# {setting.name} is{'' if setting.value else ' not'} set  # {setting.source}: {setting.help}"
        for table in setting.value:
            yield from _table(setting.name, table)


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield f"[[{name}]]"
    for key, value in {**table, **table.get("changes", {})}.items():
        if key != "changes" and value not in ("", None):
            yield f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)
