"""Settings by relation and route: which hold for a request, each worked out once."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest

VIDEOS = {"relation": "public.videos", "merge": {"max_keys": 10, "ties": "any"}}
EXPORT = {"route": "export", "merge": {"max_keys": 20}}
BOTH = {"relation": "videos", "route": "export", "rules": {"fan001": "report"}}


def keys(*overrides: dict[str, Any], schema: str = "public") -> ByRequest[Settings]:
    settings = Settings(override=overrides, catalog={"schemas": [schema]})
    return ByRequest(settings, lambda found: found)


def test_without_overrides_everything_has_the_same() -> None:
    found = keys()
    assert found.of("videos", "export") is found.of("", "") is found.default
    assert found.all == (found.default,)


@pytest.mark.parametrize(
    ("relation", "route", "max_keys", "ties", "level"),
    [
        ("videos", "", 10, "any", "rewrite"),
        ("public.videos", "other", 10, "any", "rewrite"),
        ("songs", "export", 20, "physical", "rewrite"),
        ("", "export", 20, "physical", "rewrite"),
        ("videos", "export", 20, "any", "report"),
        ("public.videos", "export", 20, "any", "report"),
        ("private.videos", "", 200, "physical", "rewrite"),
        ("songs", "other", 200, "physical", "rewrite"),
    ],
)
def test_all_that_fits_holds_and_the_later_word_wins(
    relation: str, route: str, max_keys: int, ties: str, level: str
) -> None:
    found = keys(VIDEOS, EXPORT, BOTH).of(relation, route)
    assert (found.merge.max_keys, found.merge.ties, found.rules.fan001) == (max_keys, ties, level)


def test_a_relation_is_known_with_its_schema_and_in_the_first_schema_without() -> None:
    named = keys({"relation": "videos", "merge": {"max_keys": 10}}, schema="api")
    assert [named.of(name, "").merge.max_keys for name in ("videos", "api.videos", "public.videos")] == [10, 10, 200]
    other = keys({"relation": "private.videos", "merge": {"max_keys": 10}})
    assert [other.of(name, "").merge.max_keys for name in ("private.videos", "videos")] == [10, 200]


def test_each_set_of_settings_is_made_once_whatever_clients_name() -> None:
    made: list[Settings] = []

    def make(settings: Settings) -> int:
        made.append(settings)
        return len(made)

    found = ByRequest(Settings(override=[VIDEOS, EXPORT]), make)
    before = len(made)
    for number in range(1000):
        found.of(f"relation{number}", f"route{number}")
    assert found.of("videos", "x") == found.of("public.videos", "y")
    assert len(made) == before == len(found.all) == 4
