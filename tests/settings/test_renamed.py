"""Who uses a setting's old name is told the new one."""

from __future__ import annotations

import pytest

from proxy.settings.declared import declared
from proxy.settings.loading import load
from proxy.settings.renamed import RENAMED
from proxy.settings.sources import ConfigError, variable


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_is_refused_with_the_new_one(old: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({old: 1})
    assert str(caught.value) == f"flag: '{old}' is now called '{RENAMED[old]}'"


@pytest.mark.parametrize("old", RENAMED)
def test_a_variable_with_an_old_name_is_warned_of_with_the_new_one(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(old), "1")
    (warning,) = load({}).warnings
    assert warning == f"environment: {variable(old)} is now called {variable(RENAMED[old])}; the old name is ignored"


def test_new_names_are_settings_and_old_ones_are_not() -> None:
    known = declared().keys()
    assert set(RENAMED.values()) <= known
    assert not RENAMED.keys() & known
