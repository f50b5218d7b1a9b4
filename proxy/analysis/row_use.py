"""Which rows of a list the later requests of a trace used, by row keys and filters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from proxy.analysis.fingerprint import Filter, parse_fingerprint
from proxy.model import Span
from proxy.postgrest.names import singular


def is_key(column: str) -> bool:
    """Whether ``row_keys`` hashes this column."""
    return column == "id" or column.endswith("_id")


def rows_used(listed: Span, later: Iterable[Span]) -> set[int] | None:
    """Indexes of the rows of ``listed`` that later filters name; None if a later filter on a key is not ``eq``."""
    places = {column: _rows_by_hash(hashes) for column, hashes in listed.row_keys}
    used: set[int] = set()
    for span, condition in _conditions(later):
        if not is_key(condition.column):
            continue
        if condition.operator != "eq":
            return None
        literal = span.literals[condition.index]
        for column, rows in places.items():
            if literal in rows and _may_refer_to(column, _relation(listed), condition.column, span):
                used.update(rows[literal])
    return used


def known_key_column(listed: Span, row: int, earlier: Iterable[Span]) -> str:
    """The key column, unique to ``row``, whose value an earlier ``eq`` filter had; empty if there is no such column.

    The application could have read that one row by this column.
    """
    conditions = _conditions(earlier)
    known = {span.literals[f.index] for span, f in conditions if f.operator == "eq" and is_key(f.column)}
    for column, hashes in listed.row_keys:
        if column != "id" and hashes[row] in known and hashes.count(hashes[row]) == 1:
            return column
    return ""


def names_one_row(listed: Span, earlier: Iterable[Span], later: Iterable[Span]) -> bool:
    """Whether all later filters on the list's foreign key (``creator_id`` for ``creators``) have the same new value.

    For lists whose row keys are unknown: one such value means that the application used one row.
    """
    name = f"{singular(_relation(listed))}_id"
    conditions = [(span, condition) for span, condition in _conditions(later) if condition.column == name]
    if any(condition.operator != "eq" for _, condition in conditions):
        return False
    values = {span.literals[condition.index] for span, condition in conditions}
    known = {span.literals[condition.index] for span, condition in _conditions(earlier)}
    return len(values) == 1 and not values & known


def _relation(span: Span) -> str:
    """Name of the relation, without the schema."""
    return parse_fingerprint(span.fingerprint).relation


def _conditions(spans: Iterable[Span]) -> Iterator[tuple[Span, Filter]]:
    for span in spans:
        if span.relation:
            for condition in parse_fingerprint(span.fingerprint).filters:
                yield span, condition


def _rows_by_hash(hashes: Sequence[int]) -> Mapping[int, list[int]]:
    """Row indexes by hash."""
    places: dict[int, list[int]] = {}
    for row, value in enumerate(hashes):
        places.setdefault(value, []).append(row)
    return places


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
