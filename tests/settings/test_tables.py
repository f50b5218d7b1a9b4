"""Tables with rules of their own: an override names what it changes, an ignore has a reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.settings.loading import load
from proxy.settings.sources import ConfigError
from tests.settings.factories import toml

if TYPE_CHECKING:
    from pathlib import Path


def overriding(tmp_path: Path, text: str) -> Path:
    return toml(tmp_path, f"[[override]]\nrelation = 'a'\nmerge.max_keys = 1\n[[override]]\n{text}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "relation = 'a'\nrules.fan0003 = 'off'",
            "override 2: 'rules.fan0003' is not a setting; did you mean 'rules.fan003'?",
        ),
        ("relation = 'a'\nmode = 'pass'", "override 2: 'mode' cannot be overridden"),
        ("relation = 'a'\nmerge.max_body = 1", "override 2: 'merge.max_body' cannot be overridden; did you mean"),
        ("relation = 'a'\nmerge.ties = 'some'", "override 2: merge.ties: Input should be 'none', 'physical' or 'any'"),
        ("relatio = 'a'\nmerge.ties = 'any'", "override 2: names neither a relation nor a route"),
        ("relation = 'a'", "override 2: changes no setting"),
    ],
)
def test_an_override_that_cannot_be_meant_is_an_error_that_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"fanin\.toml:\d+: {re.escape(said)}"):
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
        ("rule = 'FAN001'", "ignore 1: reason: is missing"),
        ("rule = 'FAN001'\nreason = ' '", "ignore 1: reason: must not be empty"),
        ("reason = 'x'", "ignore 1: names no finding, rule, relation, route or fingerprint"),
        ("rule = 'FAN01'\nreason = 'x'", "ignore 1: no rule is called 'FAN01'; did you mean 'FAN0"),
        ("rule = 'FAN001'\nreson = 'x'\nreason = 'x'", "ignore 1: reson: is not a setting; did you mean"),
        ("rule = 'FAN001'\nreason = 'x'\nuntil = 'soon'", "ignore 1: until: Input should be a valid date"),
    ],
)
def test_an_ignore_names_what_it_is_for_and_has_a_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"fanin\.toml:\d+: {re.escape(said)}"):
        load({}, toml(tmp_path, f"[[ignore]]\n{text}"))
