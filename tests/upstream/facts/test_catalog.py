"""The catalog: its rows become columns and functions; its reader needs db_uri and asyncpg."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.model import Column
from proxy.observe.events import Events
from proxy.postgrest.catalog import Catalog, read_catalog
from proxy.settings.sources import ConfigError
from proxy.upstream.facts.catalog import CatalogReader
from tests.e2e.support.harness import settings


def row(schema: str, relation: str, column: str, type_name: str, **more: Any) -> dict[str, object]:
    return {"schema": schema, "relation": relation, "column": column, "type": type_name, "labels": None} | {
        "unique": False,
        **more,
    }


def test_columns_are_keyed_by_schema_and_relation() -> None:
    rows = [row("api", "t", "id", "integer", unique=True), row("other", "t", "id", "text")]
    integer, text = Column("integer", deterministic=True, unique=True), Column("text", deterministic=True)
    assert read_catalog(rows, []).columns == {"api.t": {b"id": integer}, "other.t": {b"id": text}}


def test_an_enumeration_has_its_labels() -> None:
    catalog = read_catalog([row("api", "t", "mood", "enum", labels=["sad", "é"])], [])
    assert catalog.columns["api.t"][b"mood"].labels == frozenset((b"sad", "é".encode()))


def test_functions_are_named_with_their_schema() -> None:
    functions = [{"schema": "api", "function": "f"}, {"schema": "other", "function": "g"}]
    assert read_catalog([], functions).stable == {"api.f", "other.g"}


async def test_without_db_uri_nothing_is_read() -> None:
    read: list[Catalog] = []
    reader = CatalogReader(settings("http://127.0.0.1:1"), Events(), read.append)
    await reader.start()
    await reader.stop()
    assert read == []


async def test_without_asyncpg_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "asyncpg", None)
    reader = CatalogReader(settings("http://127.0.0.1:1", db_uri="postgres://h/d"), Events(), print)
    with pytest.raises(ConfigError, match=r"pip install '\.\[db\]'"):
        await reader.start()
