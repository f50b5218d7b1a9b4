"""Which rows of a list the later requests of a trace used, by row keys and filters."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, parse_fingerprint
from proxy.analysis.steps import SLICE, Steps
from proxy.model import Span
from proxy.postgrest.singular import last_word, singular

EMBEDDED = re.compile(r"([\w$]+)(?:![\w$]+)*\(")
"""A relation in ``select``: ``class:classes!inner(name)`` embeds ``classes``. It also matches ``count()``."""
NATURAL_KEYS = ("code", "slug")
"""Columns that name a row of their table as its ``id`` does. Their values are not among the row keys."""
Moments = dict[int, tuple[tuple[float, int], ...]]
"""Per value, the starts of the first two requests with it in a filter, each with the number of its span."""


def is_key(column: str) -> bool:
    """Whether ``row_keys`` hashes this column."""
    return column == "id" or column.endswith("_id")


class KeyUse:
    """The filters of a trace's requests, by their values: made once, asked for every list.

    Made with ``of``. A request is *later* than a list if it starts after the list has ended, and *earlier* if it does
    not start after the list's start.
    """

    def __init__(self) -> None:
        self.starts: list[float] = []
        """The starts of all requests, in order."""
        self._last_range = float("-inf")
        """Start of the last request with a filter on a key that is not ``eq``."""
        self._last_other_list = float("-inf")
        """Start of the last request with an ``in`` on a column that is not named as a key: its values may be keys."""
        self._has_other_keys = False
        """Whether an ``eq`` filter on such a column had a UUID."""
        self._uses: dict[int, dict[tuple[str, str], tuple[float, Span]]] = {}
        """Per value of an ``eq`` filter on a key, by fingerprint and column: the last request and its start."""
        self._known_since: dict[int, float] = {}
        """Per such value, the start of the first request."""
        self._known_as: dict[tuple[str, int], float] = {}
        """The same by the name that other tables have for the key, and value."""
        self._by_column: dict[str, list[tuple[float, int | None]]] = {}
        """Per key column, the starts of requests that filter by it, in order, with the values; None if not ``eq``."""
        self._one_value: dict[str, tuple[int, int]] = {}
        """Per such column, the value of the last filters, and how many of them in a row have it."""
        self._first_seen: Moments = {}
        """For the values in ``_one_value``."""
        self._named_short: dict[str, set[str]] = {}
        """By a foreign key that is named by a last word (``class_id``), the relations of the trace with that word."""

    @classmethod
    def of(cls, spans: Sequence[Span]) -> "Steps[KeyUse]":
        """Read the filters of ``spans``."""
        made, ordered = cls(), sorted(spans, key=lambda span: span.start)
        made.starts = [span.start for span in ordered]
        conditions: dict[str, tuple[Filter, ...]] = {}
        examined = 0
        for span in ordered:
            if not examined % SLICE:
                yield
            if span.relation and span.fingerprint not in conditions:
                yield
                parsed = parse_fingerprint(span.fingerprint)
                conditions[span.fingerprint] = parsed.filters
                made._add_relations(parsed)
            examined += 1
            for condition in conditions[span.fingerprint] if span.relation else ():
                examined += 1
                if not examined % SLICE:
                    yield
                made._add(span, condition)
        made._one_value = {column: one for column, found in made._by_column.items() if (one := _last_value(found))}
        yield from made._find_first(ordered, conditions)
        return made

    def rows_used(
        self, listed: Span, counts: Callable[[str], bool] = lambda _: True, new: bool = False
    ) -> set[int] | None:
        """Indexes of the rows of ``listed`` that later filters name; None if a later filter on a key is not ``eq``.

        ``counts`` says whether requests with a fingerprint count; ``new``: only values count that no filter had before
        the list, so that they were found in it.
        """
        if self._last_range >= listed.end or (self._has_other_keys and self._last_other_list >= listed.end):
            return None
        used: set[int] = set()
        for column, hashes in listed.row_keys:
            named = {value for value in self._uses.keys() & hashes if self._names(listed, column, value, counts, new)}
            if named:
                used.update(row for row, value in enumerate(hashes) if value in named)
        return used

    def known_key_column(self, listed: Span, row: int) -> str:
        """The key column, unique to ``row``, whose value an earlier ``eq`` filter had; empty if there is none.

        The application could have read that one row by this column.
        """
        for column, hashes in listed.row_keys:
            known = self._known_since.get(hashes[row], float("inf")) <= listed.start
            if column != "id" and known and hashes.count(hashes[row]) == 1:
                return column
        return ""

    def names_one_row(self, listed: Span) -> bool:
        """Whether all later filters on what refers to the list (``creator_id`` or ``creator_code`` for ``creators``)
        have one new value.

        For lists whose row keys are unknown: one such value means that the application used one row.
        """
        owner = singular(_relation(listed))
        return any(self._has_one_new_value(f"{owner}_{key}", listed) for key in ("id", *NATURAL_KEYS))

    def _has_one_new_value(self, name: str, listed: Span) -> bool:
        filters = self._by_column.get(name, ())
        later = len(filters) - bisect_left(filters, listed.end, key=lambda item: item[0])
        value, in_a_row = self._one_value.get(name, (0, 0))
        if not 0 < later <= in_a_row:
            return False
        others = (start for start, number in self._first_seen.get(value, ()) if number != listed.number)
        return not any(start <= listed.start for start in others)

    def _add_relations(self, parsed: ParsedFingerprint) -> None:
        for relation in (parsed.relation, *EMBEDDED.findall(parsed.select)):
            self._named_short.setdefault(_short_reference(relation), set()).add(relation)

    def _add(self, span: Span, condition: Filter) -> None:
        column = condition.column
        # UUIDs are keys in columns of any name, such as assignee: two equal ones are no chance.
        named_otherwise = not is_key(column)
        if named_otherwise and dict(span.key_types).get(column) != "uuid":
            self._last_other_list = span.start if condition.operator == "in" else self._last_other_list
            if column.rpartition("_")[2] in NATURAL_KEYS:
                value = span.literals[condition.index] if condition.operator == "eq" else None
                self._by_column.setdefault(column, []).append((span.start, value))
            return
        self._has_other_keys |= named_otherwise
        literal = span.literals[condition.index]
        equal = condition.operator == "eq"
        self._by_column.setdefault(column, []).append((span.start, literal if equal else None))
        if equal:
            self._uses.setdefault(literal, {})[span.fingerprint, column] = span.start, span
            self._known_since.setdefault(literal, span.start)
            self._known_as.setdefault((_meaning(column, span), literal), span.start)
        else:
            self._last_range = span.start

    def _find_first(self, ordered: Sequence[Span], conditions: dict[str, tuple[Filter, ...]]) -> Steps[None]:
        wanted = {value for value, _ in self._one_value.values()}
        for number, span in enumerate(ordered if wanted else ()):
            if not number % SLICE:
                yield
            if not wanted.isdisjoint(span.literals):
                values = {span.literals[condition.index] for condition in conditions.get(span.fingerprint, ())}
                for value in wanted & values:
                    seen = self._first_seen.get(value, ())
                    self._first_seen[value] = (*seen, (span.start, span.number))[:2]

    def _was_known(self, listed: Span, filtered: str, value: int, span: Span) -> bool:
        """Whether a filter before the list had the value, with the same meaning; equal UUIDs have the same."""
        since = self._known_as.get((_meaning(filtered, span), value), float("inf"))
        if dict(span.key_types).get(filtered) == "uuid":
            since = min(since, self._known_since.get(value, since))
        return since <= listed.start

    def _names(self, listed: Span, column: str, value: int, counts: Callable[[str], bool], new: bool) -> bool:
        return any(
            start >= listed.end
            and (
                _may_refer_to(column, _relation(listed), filtered, span)
                or self._refers_by_last_word(listed, column, value, filtered, span)
            )
            and counts(fingerprint)
            and not (new and self._was_known(listed, filtered, value, span))
            for (fingerprint, filtered), (start, span) in self._uses[value].items()
        )

    def _refers_by_last_word(self, listed: Span, column: str, value: int, filtered: str, span: Span) -> bool:
        """Whether the filter names a row by the last word of a relation: ``class_id`` for ``gym_classes``.

        It may be the key of another table, so it counts only if the trace has no other relation with that last word, if
        the value is new since the list, and if the list itself has no such column.
        """
        if (column == "id") == (filtered == "id") or self._known_since[value] < listed.end:
            return False
        owner, reference = (_relation(listed), filtered) if column == "id" else (_relation(span), column)
        if reference != _short_reference(owner) or self._named_short.get(reference) != {owner}:
            return False
        return column != "id" or reference not in dict(listed.row_keys)


def _last_value(filters: Sequence[tuple[float, int | None]]) -> tuple[int, int] | None:
    """The value of the last of ``filters``, and how many at the end have it; None if the last one is not ``eq``."""
    value = filters[-1][1]
    if value is None:
        return None
    at = next((at for at, (_, other) in enumerate(reversed(filters)) if other != value), len(filters))
    return value, at


def _meaning(column: str, span: Span) -> str:
    """``creator_id`` for ``id`` of ``creators``."""
    return f"{singular(_relation(span))}_id" if column == "id" else column


def _relation(span: Span) -> str:
    """Name of the relation, without the schema."""
    path = span.fingerprint.partition(" ")[2].partition("?")[0]
    schema, dot, relation = path.partition(".")
    return relation if dot else schema


def _short_reference(relation: str) -> str:
    """``class_id`` for ``gym_classes``."""
    return f"{singular(relation[last_word(relation) :]).lower()}_id"


def _may_refer_to(column: str, relation: str, filtered: str, span: Span) -> bool:
    """Whether the filter of ``span`` on column ``filtered`` may refer to values of ``relation.column``.

    Equal UUIDs are the same key. Equal numbers may be chance, so the column names must match too.
    """
    if filtered == column:
        return filtered != "id" or _relation(span) == relation
    if "id" not in (filtered, column):
        return False
    owner, reference = (relation, filtered) if column == "id" else (_relation(span), column)
    return reference == f"{singular(owner)}_id" or dict(span.key_types).get(filtered) == "uuid"
