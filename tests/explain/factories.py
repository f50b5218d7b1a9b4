"""Makes explanations as the command does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.explain.facts import Explanation, explain
from proxy.explain.request import read_columns, read_request
from proxy.explain.text import lines
from proxy.settings.loading import load

if TYPE_CHECKING:
    from proxy.explain.keys import MergeWay


def explained(words: str, *headers: str, types: tuple[str, ...] = (), **settings: Any) -> Explanation:
    loaded = load({name.replace("__", "."): value for name, value in settings.items()}).settings
    columns = read_columns(types, certain=loaded.db_uri is not None)
    return explain(read_request(words, headers), loaded, None, columns)


def text(*arguments: Any, **options: Any) -> str:
    return "\n".join(lines(explained(*arguments, **options)))


def only_way(*arguments: Any, **options: Any) -> MergeWay:
    (way,) = explained(*arguments, **options).merging.ways
    return way
