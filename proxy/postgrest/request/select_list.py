"""Parses the value of ``select``: columns with alias, cast and aggregate, and embedded relations.

https://postgrest.org/en/v12/references/api/tables_views.html#vertical-filtering and …/resource_embedding.html
"""

from functools import lru_cache

import msgspec

from proxy.postgrest.request.grammar import Cursor, FieldPath, GrammarError, TooDeepError

AGGREGATES = ("sum", "avg", "count", "max", "min")
MAX_BYTES, MAX_ITEMS = 4096, 200
"""Bytes, and items, dashes and escapes, of the longest value that is read while requests wait."""
MAX_DEPTH = 20
"""Largest depth of embeds that is parsed; a URL could nest thousands of levels."""


class SelectItem(msgspec.Struct, frozen=True):
    """``alias:column::cast.aggregate()::aggregate_cast``; absent parts are empty. ``count()`` has the column ``*``."""

    field: FieldPath
    alias: str = ""
    cast: str = ""
    aggregate: str = ""
    aggregate_cast: str = ""

    @property
    def output_name(self) -> str:
        """The name of the field in a row; empty if it is the column's name (or the name that Postgres gives it)."""
        if self.alias or self.aggregate or not self.field.path:
            return self.alias
        keys = [step.key for step in self.field.path if not step.index]
        return keys[-1] if keys else self.field.name


class Embed(msgspec.Struct, frozen=True):
    """``alias:relation!hint!inner(items)``; ``spread`` is ``...relation(items)``."""

    relation: str
    alias: str
    hint: str
    inner: bool
    spread: bool
    items: "tuple[SelectItem | Embed, ...]"

    @property
    def output_name(self) -> str:
        """The name of the field in a row, and the prefix of the embed's parameters."""
        return self.alias or self.relation


Items = tuple[SelectItem | Embed, ...]


def is_readable(value: bytes) -> bool:
    """Whether ``read_select`` takes few milliseconds for this decoded value."""
    return len(value) <= MAX_BYTES and sum(map(value.count, (b",", b"(", b"-", b"\\"))) <= MAX_ITEMS


def read_select(text: str) -> tuple[Items, str]:
    """The items, and trailing text that PostgREST ignores. GrammarError if PostgREST does not accept the value."""
    outcome = _read(text)
    if isinstance(outcome, GrammarError):
        raise outcome.with_traceback(None)
    return outcome


@lru_cache(maxsize=4)
def _read(text: str) -> tuple[Items, str] | GrammarError:
    """What ``read_select`` returns or raises: several questions are asked about one value, one after another."""
    cursor = Cursor(text)
    if _is_no_item(text):
        return (), text
    try:
        return _items(cursor, 0), cursor.rest
    except GrammarError as error:
        return error


def begins_with_item(value: bytes) -> bool:
    """Whether PostgREST reads an item at the beginning of a decoded value. If not, it ignores the value and returns all
    columns; after other items it answers 400 instead.
    """
    first = value[:1]
    if first == b"*":
        return value[1:2] in (b"", b",", b")", b" ", b"\t")
    if first == b".":
        return value.startswith(b"...") and not _is_no_item(value.decode("utf-8", "replace"))
    return first.isalnum() or first >= b"\x80" or first in (b"_", b"$", b'"')


def _is_no_item(text: str) -> bool:
    """Whether a value begins with a spread that is no embed: PostgREST reads no item then, and ignores the text."""
    cursor = Cursor(text)
    if not cursor.accept("..."):
        return False
    try:
        cursor.name()
        while cursor.accept("!"):
            _embed_modifier(cursor)
    except GrammarError:
        return True
    return not cursor.peek("(")


def _items(cursor: Cursor, depth: int) -> Items:
    if depth > MAX_DEPTH:
        raise TooDeepError(MAX_DEPTH)
    cursor.skip_blanks()
    if cursor.at_end or cursor.peek(")", ","):
        return ()
    items = [_item(cursor, depth)]
    while cursor.accept(","):
        items.append(_item(cursor, depth))
    return tuple(items)


def _item(cursor: Cursor, depth: int) -> SelectItem | Embed:
    cursor.skip_blanks()
    if plain := cursor.whole_name(",", ")"):
        return SelectItem(FieldPath(plain))
    begin = cursor.position
    spread = cursor.accept("...")
    alias = "" if spread else _alias(cursor)
    if not (spread or alias) and cursor.accept("*"):
        return _expect_item_end(cursor, SelectItem(FieldPath("*")))
    embed = _embed(cursor, alias, spread, depth)
    if embed is not None:
        return _expect_item_end(cursor, embed)
    cursor.position = begin
    return _expect_item_end(cursor, _column(cursor, _alias(cursor)))


def _expect_item_end(cursor: Cursor, item: SelectItem | Embed) -> SelectItem | Embed:
    cursor.skip_blanks()
    if not (cursor.at_end or cursor.peek(",", ")")):
        raise cursor.error("',', ')' or the end")
    return item


def _alias(cursor: Cursor) -> str:
    """The name in ``name:``; empty if there is none, or if it is followed by a cast (``::``)."""
    begin = cursor.position
    try:
        name = cursor.name()
    except GrammarError:
        name = ""
    if name and cursor.peek(":") and not cursor.peek("::"):
        cursor.accept(":")
        return name
    cursor.position = begin
    return ""


def _embed(cursor: Cursor, alias: str, spread: bool, depth: int) -> Embed | None:
    """An embedded relation; None if a column comes next. After ``...`` it cannot be a column."""
    begin = cursor.position
    try:
        relation = cursor.name()
        modifiers = [_embed_modifier(cursor) for _ in range(2) if cursor.accept("!")]
    except GrammarError:
        if spread:
            raise
        cursor.position = begin
        return None
    is_count = relation == "count" and not spread
    if is_count or not cursor.accept("("):
        if spread or modifiers:
            raise cursor.error("'('")
        return None
    items = _items(cursor, depth + 1)
    cursor.expect(")")
    hint = next((modifier for modifier in modifiers if modifier not in ("left", "inner")), "")
    return Embed(relation, alias, hint, _is_inner(modifiers), spread, items)


def _embed_modifier(cursor: Cursor) -> str:
    return next((word for word in ("left", "inner") if cursor.accept(word)), "") or cursor.name()


def _is_inner(modifiers: list[str]) -> bool:
    return next((modifier == "inner" for modifier in modifiers if modifier in ("left", "inner")), False)


def _column(cursor: Cursor, alias: str) -> SelectItem:
    if cursor.accept("count()"):
        return SelectItem(FieldPath("*"), alias, "", "count", _cast(cursor))
    field = cursor.field()
    cast, aggregate = _cast(cursor), ""
    if cursor.accept("."):
        aggregate = next((name for name in AGGREGATES if cursor.accept(name + "()")), "")
        if not aggregate:
            raise cursor.error("an aggregate (" + ", ".join(name + "()" for name in AGGREGATES) + ")")
    return SelectItem(field, alias, cast, aggregate, _cast(cursor) if aggregate else "")


def _cast(cursor: Cursor) -> str:
    return cursor.identifier() if cursor.accept("::") else ""
