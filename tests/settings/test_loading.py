"""Settings from three sources, and errors that name the source, the setting and the nearest right name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.settings.loading import changed, load
from proxy.settings.sources import ConfigError
from tests.settings.factories import toml

if TYPE_CHECKING:
    from pathlib import Path


VIDEOS = {"relation": "videos", "merge": {"ties": "any"}}


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


def test_an_empty_table_is_an_error_only_if_no_setting_is_in_a_table_of_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no setting is called 'loging'; did you mean"):
        load({}, toml(tmp_path, "[loging]"))
    assert load({}, toml(tmp_path, "[log]\n[rules.n_plus_one]")).settings == load({}).settings


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


@pytest.mark.parametrize("name", ["db_uri", "admin_token"])
def test_a_secret_is_not_repeated_by_an_error(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({name: ["hidden"]})
    assert "hidden" not in str(caught.value)
    with pytest.raises(ConfigError, match="admin_token: must have at least 16 characters") as caught:
        load({"admin_token": "hidden"})
    assert "hidden" not in str(caught.value)


def test_changing_a_value_keeps_all_others() -> None:
    settings = load({"mode": "observe", "db_uri": "postgres://h", "override": [VIDEOS]}).settings
    other = changed(settings, {"merge.max_keys": 7})
    assert (other.merge.max_keys, other.mode, other.override) == (7, "observe", settings.override)
    assert changed(other, {"merge.max_keys": settings.merge.max_keys}) == settings
    with pytest.raises(ConfigError, match=r"merge\.max_keys"):
        changed(settings, {"merge.max_keys": 0})


FAULTY = """mode = "fast"

[merge]
max_key = 1
max_keys = 0
row_evidence = 3

[timeouts]
head = -1

[[override]]
relation = "a"
merge.ties = "some"
rules.fan0003 = "off"

[[ignore]]
rule = "FAN999"
reason = "x"

[[ignore]]
rule = "FAN001"
"""


def test_all_faults_of_a_file_are_told_at_once_each_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANIN_POOL__CALLS", "none")
    file = toml(tmp_path, FAULTY)
    with pytest.raises(ConfigError) as caught:
        load({"merge.max_url": "long"}, file, lambda settings: [("listen", f"'{settings.listen}' is taken")])
    lines = str(caught.value).replace(str(file), "F").splitlines()
    assert sorted(line.partition(" ")[0] for line in lines) == sorted(
        ["F:1:", "F:4:", "F:5:", "F:6:", "F:9:", "F:13:", "F:14:", "F:20:", "environment:", "flag:", "settings:"]
    )
    text = "\n".join(lines)
    assert "F:1: mode: Input should be " in text
    assert "F:4: no setting is called 'merge.max_key'; did you mean 'merge.max_keys'?" in text
    assert "F:5: merge.max_keys: Input should be greater than or equal to 1" in text
    assert "F:6: 'merge.row_evidence' is now called 'merge.max_rows_lifetime'" in text
    assert "F:13: override 1: merge.ties: Input should be 'none', 'physical' or 'any'" in text
    assert "F:14: override 1: 'rules.fan0003' is not a setting" in text
    assert "F:20: ignore 2: reason: is missing" in text
    assert "environment: pool.calls: Input should be a valid integer" in text
    assert "settings: listen: '127.0.0.1:8000' is taken" in text


def test_a_fault_of_a_rules_name_has_the_line_of_the_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"fanin\.toml:3: ignore 1: no rule is called 'FAN999'"):
        load({}, toml(tmp_path, '[[ignore]]\nreason = "x"\nrule = "FAN999"\n'))
