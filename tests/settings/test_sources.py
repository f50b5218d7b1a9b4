"""Layers of settings: files, variables, texts; and the nearest right name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from proxy.settings.declared import declared
from proxy.settings.loading import load
from proxy.settings.sources import (
    ConfigError,
    Declared,
    flatten,
    from_text,
    nearest,
    nested,
    read_environment,
    read_text,
    variable,
)

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = declared()


def test_tables_become_dotted_names_and_back() -> None:
    tables = {"a": 1, "b": {"c": 2, "d": {"e": [3]}}}
    flat = {"a": 1, "b.c": 2, "b.d.e": [3]}
    assert dict(flatten(tables)) == flat
    assert nested(flat) == tables


@pytest.mark.parametrize(("name", "expected"), [("mode", "FANIN_MODE"), ("merge.max_keys", "FANIN_MERGE__MAX_KEYS")])
def test_each_setting_has_one_variable(name: str, expected: str) -> None:
    assert variable(name) == expected
    assert len({variable(name) for name in KNOWN}) == len(KNOWN)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("trace.headers", "x-a, x-b", ("x-a", "x-b")),
        ("trace.headers", '["x-a", "x,b"]', ("x-a", "x,b")),
        ("identity.also_neutral", "", ()),
        ("merge.max_rows", "1000", 1000),
        ("merge.max_wait", "0.5", 0.5),
        ("merge.ask_types", "false", False),
        ("mode", "observe", "observe"),
    ],
)
def test_a_variable_says_what_a_file_would(name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), text)
    settings: Any = load({}).settings
    for part in name.split("."):
        settings = getattr(settings, part)
    assert settings == value
    assert load({}).sources[name] == "environment"


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "fanin.toml"
    file.write_text('mode = "observe"', encoding="utf-8-sig")
    assert read_text(file) == 'mode = "observe"'


def test_a_secret_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("db_uri", "postgres://u:p@h/db"), ("admin_token", "a-token-of-some-length")):
        file = tmp_path / name
        file.write_text(value + "\n", encoding="utf-8")
        monkeypatch.setenv(variable(name) + "_FILE", str(file))
    loaded = load({})
    assert loaded.settings.db_uri is not None
    assert loaded.settings.db_uri.get_secret_value() == "postgres://u:p@h/db"
    assert loaded.settings.admin_token is not None
    assert loaded.settings.admin_token.get_secret_value() == "a-token-of-some-length"
    assert (loaded.sources["db_uri"], loaded.warnings) == ("environment", ())


def test_only_a_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_UPSTREAM_FILE", "/nowhere")
    (warning,) = load({}).warnings
    assert "FANIN_UPSTREAM_FILE is not a setting" in warning


@pytest.mark.parametrize("kind", ["absent", "binary", "twice"])
def test_a_secret_that_cannot_be_read_from_its_file_is_an_error_without_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    if kind != "absent":
        file.write_bytes(b"\xffhidden" if kind == "binary" else b"hidden")
    if kind == "twice":
        monkeypatch.setenv("FANIN_DB_URI", "postgres://hidden")
    monkeypatch.setenv("FANIN_DB_URI_FILE", str(file))
    with pytest.raises(ConfigError, match="FANIN_DB_URI_FILE") as caught:
        load({})
    assert "hidden" not in str(caught.value)


def test_lists_of_tables_are_json_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_OVERRIDE", '[{"relation": "videos", "merge": {"ties": "any"}}]')
    (override,) = load({}).settings.override
    assert (override.relation, override.changes) == ("videos", {"merge.ties": "any"})
    monkeypatch.setenv("FANIN_OVERRIDE", "relation = videos")
    with pytest.raises(ConfigError, match="FANIN_OVERRIDE: is not JSON: "):
        load({})


def test_only_known_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_MERGE", '{"max_keys": 5}')
    monkeypatch.setenv("FANIN_MODE", "pass")
    assert read_environment(KNOWN) == {"mode": "pass"}
    assert "FANIN_MERGE is not a setting" in load({}).warnings[0]


def test_a_text_is_taken_as_it_is_where_no_list_is_wanted() -> None:
    assert from_text("a,b", Declared("help"), "flag") == "a,b"
    assert from_text("a,b", Declared("help", many=True), "flag") == ["a", "b"]


def test_the_nearest_name_is_told_and_otherwise_where_all_names_are() -> None:
    assert nearest("merge.maxkeys", KNOWN) == "; did you mean 'merge.max_keys'?"
    assert nearest("zzzzzzzz", KNOWN) == "; `fanin config` lists them all"
