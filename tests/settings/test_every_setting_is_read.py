"""A setting that nothing reads would be a promise that nobody keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from mypy.modulefinder import BuildSource

from proxy.path.batches.batching import BatchSettings
from proxy.settings.model import Settings
from proxy.settings.tables import MergeSettings, TraceSettings
from proxy.settings_base import Section
from proxy.traces.grouping import GroupingSettings
from rules import RULES
from tests.settings.attribute_reads import attribute_reads
from tests.test_imports import FILES, module_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec
    from pydantic import BaseModel

REPORTED = {f"rules.{rule.code.lower()}" for rule in RULES if not rule.can_rewrite}
"""Levels that only ``RuleSettings.level`` reads, by the rule's code."""


COPIES: dict[type[BaseModel], type[msgspec.Struct]] = {MergeSettings: BatchSettings, TraceSettings: GroupingSettings}
"""Tables of which a part is copied, by the names of its fields, for what stands below the settings."""


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel], str]]:
    """Every setting, those of tables in lists too: its dotted name, the class that declares it, its field."""
    for name, field in model.model_fields.items():
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if _is_table(one)]
        for table in inner:
            yield from settings_of(table, f"{prefix}{name}.")
        if not inner:
            yield prefix + name, model, name


def _is_table(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def full_names(model: type[BaseModel]) -> set[str]:
    """The class, its bases (a function that takes a base reads for all its subclasses), and the copy made of it."""
    classes = {*model.__mro__, COPIES.get(model, model)}
    return {f"{each.__module__}.{each.__qualname__}" for each in classes}


def test_every_setting_is_read() -> None:
    paths = [path for name, path in FILES.items() if not name.startswith("proxy/demo/")]
    reads = attribute_reads([BuildSource(str(path), module_of(path).removesuffix(".__init__")) for path in paths])
    unread = [
        name
        for name, model, field in settings_of(Settings)
        if name not in REPORTED and not any((owner, field) in reads for owner in full_names(model))
    ]
    assert unread == []


def test_a_copy_has_only_fields_of_its_table() -> None:
    for table, copy in COPIES.items():
        assert set(copy.__struct_fields__) < set(table.model_fields)


def test_an_attribute_of_another_class_is_another_one_though_it_has_the_same_name() -> None:
    text = """
class Table:
    wait: float = 1.0
    limit: int = 2
class Other:
    wait: float = 3.0
def read(other: Other, table: Table | None) -> float:
    return other.wait if table is None else table.limit
"""
    assert attribute_reads([BuildSource("sample.py", "sample", text)]) == {
        ("sample.Other", "wait"),
        ("sample.Table", "limit"),
    }
