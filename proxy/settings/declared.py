"""The declaration of every setting: dotted name, help text, restart, override."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from proxy.settings.model import Settings
from proxy.settings.sources import Declared
from proxy.settings_base import Section


def declared() -> dict[str, Declared]:
    """Every setting's declaration by its dotted name, in the order of declaration."""
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
