"""Decides by the catalog whether a read may be merged, and whether equal reads may share an answer.

Source: docs/explanation/architecture.md#trust.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote_plus

from proxy.model import Query
from proxy.postgrest.hazards import Hazard, Hazards


class UnsafeReads:
    """The hazards of the catalog, and which of them each query meets. At most ``limit`` queries are remembered."""

    def __init__(self, default_schema: str, limit: int) -> None:
        """``default_schema`` is the schema of a request without a profile."""
        self._schema = default_schema
        self._limit = limit
        self._hazards = Hazards()
        self._known: dict[int, Hazard | None] = {}
        """By the hash of fingerprint and profile, which may be long."""

    def apply(self, hazards: Hazards) -> None:
        """Use the hazards of a catalog that was read."""
        self._hazards = hazards
        self._known.clear()

    @property
    def relations(self) -> Mapping[str, Hazard]:
        """The relations with a hazard, by ``schema.relation``."""
        return self._hazards.relations

    def hazard_of(self, query: Query, profile: str) -> Hazard | None:
        """Why ``query`` is not merged; None if nothing is known against it. ``profile`` selects the schema."""
        if not self._hazards:
            return None
        schema = profile or self._schema
        if not query.relation:
            return _hazard_of("", query.target.decode("utf-8", "replace"), schema, self._hazards)
        key = hash((query.fingerprint, profile))
        if key not in self._known:
            if len(self._known) >= self._limit:
                self._known.clear()
            self._known[key] = _hazard_of(query.relation, query.fingerprint, schema, self._hazards)
        return self._known[key]


def _hazard_of(relation: str, text: str, schema: str, hazards: Hazards) -> Hazard | None:
    """The first hazard of a query: ``text`` is its fingerprint, or its target."""
    if relation in hazards.relations:
        return hazards.relations[relation]
    text = unquote_plus(text)
    words, embeds = _words(text)
    for names, present in _names(relation, words, embeds, schema, hazards):
        for name, hazard in names.items():
            if name in present or (not name.isidentifier() and name in text):
                return hazard
    return None


def _words(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """All words of a query, and those that may name an embed: ``name(…)``, ``name!hint(…)`` and ``hint``.

    Other words are columns, operators and aliases: to filter by the column of a foreign key embeds nothing.
    """
    spaced = text.replace("(", " ( ").replace("!", " ! ")
    words = "".join(char if char.isalnum() or char in "_(!" else " " for char in spaced).split()
    around = zip(["", *words], words, [*words[1:], ""], strict=False)
    return frozenset(words), frozenset(word for before, word, after in around if before == "!" or after in ("(", "!"))


def _names(
    relation: str, words: frozenset[str], embeds: frozenset[str], schema: str, hazards: Hazards
) -> Iterator[tuple[Mapping[str, Hazard], frozenset[str]]]:
    """Names that must not be among these words of a query of ``relation``: if it embeds others, those of all."""
    if not embeds:
        yield hazards.columns.get(relation, {}), words
        return
    yield {name.removeprefix(f"{schema}."): hazard for name, hazard in hazards.relations.items()}, embeds
    yield hazards.embeds, embeds
    for names in hazards.columns.values():
        yield names, words
