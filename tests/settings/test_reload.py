"""Settings read again: what changes at once, what stays until a restart, and what an error changes: nothing."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.settings.loading import EffectiveSettings, load
from proxy.settings.reload import ReloadResult, reload
from proxy.settings.sources import ConfigError

OLD: dict[str, Any] = {"mode": "rewrite", "upstream": "http://one", "pool.calls": 10, "merge.max_keys": 5}


def again(**changes: Any) -> ReloadResult:
    """What comes of the old settings with these changes; None takes one away."""
    flags = {**OLD, **{name.replace("__", "."): value for name, value in changes.items()}}
    return reload(load(OLD), lambda: load({name: value for name, value in flags.items() if value is not None}))


def test_what_can_change_changes_and_what_cannot_is_named_and_keeps_its_value() -> None:
    found = again(mode="observe", upstream="http://two", pool__calls=20, merge__max_keys=6)
    settings = found.loaded.settings
    assert (settings.mode, settings.merge.max_keys) == ("observe", 6)
    assert (settings.upstream, settings.pool.calls) == ("http://one", 10)
    assert found.changed == ("mode", "merge.max_keys")
    assert found.kept == ("upstream", "pool.calls")


def test_the_sources_are_those_of_the_values_in_force() -> None:
    found = again(mode=None, upstream=None, merge__max_wait=1.0)
    assert found.loaded.sources["mode"] == "default"
    assert found.loaded.sources["merge.max_wait"] == "flag"
    assert (found.loaded.sources["upstream"], found.loaded.settings.upstream) == ("flag", "http://one")


def test_nothing_changes_when_everything_is_the_same() -> None:
    found = again()
    assert (found.changed, found.kept) == ((), ())
    assert found.loaded == load(OLD)


def test_overrides_and_ignores_change_at_once() -> None:
    found = again(
        override=[{"relation": "videos", "merge": {"ties": "any"}}], ignore=[{"rule": "FAN001", "reason": "known"}]
    )
    assert found.changed == ("override", "ignore")
    assert found.kept == ()


def test_settings_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(ConfigError, match="flag: mode: "):
        again(mode="fast")


def test_a_secret_that_changes_is_only_named() -> None:
    found = reload(load(OLD), lambda: load({**OLD, "db_uri": "postgres://hidden", "admin_token": "hidden" * 3}))
    assert (found.changed, found.kept) == (("admin_token",), ("db_uri",))
    assert isinstance(found.loaded, EffectiveSettings)
    assert "hidden" not in repr(found)
