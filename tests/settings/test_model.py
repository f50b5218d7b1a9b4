"""Settings: one model, three sources, and errors that name the nearest right name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.settings.declared import declared, describe, effective
from proxy.settings.loading import changed, load
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.settings.sources import Declared

VIDEOS = {"relation": "videos", "merge": {"ties": "any"}}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("FANIN_")]:
        monkeypatch.delenv(name)


def toml(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "fanin.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = toml(tmp_path, 'mount = "/file"\nmode = "pass"\n[merge]\nmax_keys = 1\nmax_url = 1\n[pool]\ncalls = 7\n')
    monkeypatch.setenv("FANIN_MERGE__MAX_KEYS", "2")
    monkeypatch.setenv("FANIN_MERGE__MAX_URL", "2")
    monkeypatch.setenv("FANIN_MOUNT", "/environment")
    loaded = load({"merge.max_keys": 3, "mount": "/flag"}, file)
    settings = loaded.settings
    assert (settings.merge.max_keys, settings.merge.max_url, settings.pool.calls) == (3, 2, 7)
    assert (settings.mount, settings.mode) == ("/flag", "pass")
    sources = loaded.sources
    names = ("merge.max_keys", "merge.max_url", "mode", "merge.max_rows")
    assert [sources[name] for name in names] == ["flag", "environment", str(file), "default"]


@pytest.mark.parametrize(
    ("name", "nearest"), [("upstrem", "upstream"), ("merge.max_key", "merge.max_keys"), ("max_keys", "merge.max_keys")]
)
def test_an_unknown_name_is_an_error_that_names_the_nearest(tmp_path: Path, name: str, nearest: str) -> None:
    for flags, file in (({name: 1}, None), ({}, toml(tmp_path, f"{name} = 1"))):
        with pytest.raises(ConfigError, match=f"no setting is called '{name}'; did you mean '{nearest}'"):
            load(flags, file)


def test_an_unknown_variable_is_a_warning_because_kubernetes_makes_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("FANIN_UPSTREAN", "http://h")
    warnings = load({}).warnings
    assert len(warnings) == 2
    assert any("FANIN_UPSTREAN is not a setting; did you mean 'FANIN_UPSTREAM'?" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("merge.max_keys", 0),
        ("merge.max_keys", "many"),
        ("mode", "fast"),
        ("timeouts.head", 0),
        ("pool.for_writes", -1),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_with_its_name_and_source(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^flag: {name}: "):
        load({name: value})


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load({}, tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"fanin\.toml: is not TOML"):
        load({}, toml(tmp_path, "="))


def overriding(tmp_path: Path, text: str) -> Path:
    return toml(tmp_path, f"[[override]]\nrelation = 'a'\nmerge.max_keys = 1\n[[override]]\n{text}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "relation = 'a'\nrules.fan0003 = 'off'",
            "override 2: 'rules.fan0003' is no setting; did you mean 'rules.fan003'?",
        ),
        ("relation = 'a'\nmode = 'pass'", "override 2: 'mode' is the same for everybody"),
        ("relation = 'a'\nmerge.max_body = 1", "override 2: 'merge.max_body' is the same for everybody; did you mean"),
        ("relation = 'a'\nmerge.ties = 'some'", "override 2: merge.ties: Input should be 'none' or 'any'"),
        ("relatio = 'a'\nmerge.ties = 'any'", "override 2: names neither a relation nor a route"),
        ("relation = 'a'", "override 2: changes nothing"),
    ],
)
def test_an_override_that_cannot_be_meant_is_an_error_that_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"fanin.toml: {said}")):
        load({}, overriding(tmp_path, text))


def test_an_override_is_taken_as_tables_or_dotted_names(tmp_path: Path) -> None:
    file = overriding(tmp_path, "route = 'x'\nmerge.ties = 'any'\n[override.rules]\nfan001 = 'report'")
    overrides = load({}, file).settings.override
    assert [override.changes for override in overrides] == [
        {"merge.max_keys": 1},
        {"merge.ties": "any", "rules.fan001": "report"},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule = 'FAN001'", "ignore 1: reason: has to be there"),
        ("rule = 'FAN001'\nreason = ' '", "ignore 1: reason: must not be empty"),
        ("reason = 'x'", "ignore 1: names no finding, rule, relation, route or fingerprint"),
        ("rule = 'FAN01'\nreason = 'x'", "ignore 1: no rule is called 'FAN01'; did you mean 'FAN0"),
        ("rule = 'FAN001'\nreson = 'x'\nreason = 'x'", "ignore 1: reson: is no setting; did you mean"),
        ("rule = 'FAN001'\nreason = 'x'\nuntil = 'soon'", "ignore 1: until: Input should be a valid date"),
    ],
)
def test_an_ignore_names_what_it_is_for_and_has_a_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"fanin.toml: {said}")):
        load({}, toml(tmp_path, f"[[ignore]]\n{text}"))


@pytest.mark.parametrize("name", ["db_uri", "admin_token"])
def test_a_secret_is_not_repeated_by_an_error(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({name: ["hidden"]})
    assert "hidden" not in str(caught.value)
    with pytest.raises(ConfigError, match="admin_token: Value should have at least 16 items") as caught:
        load({"admin_token": "hidden"})
    assert "hidden" not in str(caught.value)


def test_changing_a_value_keeps_all_others() -> None:
    settings = load({"mode": "observe", "db_uri": "postgres://h", "override": [VIDEOS]}).settings
    other = changed(settings, {"merge.max_keys": 7})
    assert (other.merge.max_keys, other.mode, other.override) == (7, "observe", settings.override)
    assert changed(other, {"merge.max_keys": settings.merge.max_keys}) == settings
    with pytest.raises(ConfigError, match=r"merge\.max_keys"):
        changed(settings, {"merge.max_keys": 0})


def test_what_takes_a_restart_and_what_can_be_overridden_is_declared_and_never_both() -> None:
    marked = declared()
    assert {"upstream", "listen", "admin", "metrics", "pool.calls", "db_uri"} <= restarting(marked)
    assert not {"mode", "merge.max_keys", "timeouts.head", "rules.fan001", "override", "ignore"} & restarting(marked)
    own = {name for name, setting in marked.items() if setting.override}
    assert {"merge.ties", "rules.fan001", "rules.fan003"} <= own
    assert not own & restarting(marked)
    assert {name for name, setting in marked.items() if setting.secret} == {"db_uri", "admin_token"}


def restarting(marked: dict[str, Declared]) -> set[str]:
    return {name for name, setting in marked.items() if setting.restart}


def test_every_setting_has_its_help_text_and_a_value() -> None:
    described = dict(describe())
    assert all(text.strip() for text in described.values())
    assert [name for name, _ in effective(Settings())] == list(described)


def test_the_promised_defaults() -> None:
    settings = Settings()
    timeouts = settings.timeouts
    assert (timeouts.head, timeouts.body_idle, timeouts.keep_alive, timeouts.write_stall) == (10, 30, 75, 60)
    assert (settings.limits.head_bytes, settings.pool.calls) == (65_536, 64)
    assert settings.pool.idle < 30, "PostgREST closes its idle connections after 30 s"
