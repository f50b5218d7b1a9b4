"""Which of a list's rows later requests of the trace had to do with, as far as keys and filters tell."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from proxy.analysis.fingerprint import Filter, read_fingerprint
from proxy.model import Span
from proxy.postgrest.names import singular


def is_key(column: str) -> bool:
    """Whether answers' values of it are remembered as keys."""
    return column == "id" or column.endswith("_id")


def rows_used(listed: Span, later: Iterable[Span]) -> set[int] | None:
    """Their places among the list's rows. None where it cannot be told: a later filter names keys as a list."""
    places = {column: _places(hashes) for column, hashes in listed.row_keys}
    used: set[int] = set()
    for span, condition in _conditions(later):
        if not is_key(condition.column):
            continue
        if condition.operator != "eq":
            return None
        literal = span.literals[condition.at]
        for column, rows in places.items():
            if literal in rows and _may_be(column, _name(listed), condition.column, span):
                used.update(rows[literal])
    return used


def column_known(listed: Span, row: int, earlier: Iterable[Span]) -> str:
    """The key column by which that one row could have been asked for with a value known before: else empty."""
    known = {span.literals[one.at] for span, one in _conditions(earlier) if one.operator == "eq" and is_key(one.column)}
    for column, hashes in listed.row_keys:
        if column != "id" and hashes[row] in known and hashes.count(hashes[row]) == 1:
            return column
    return ""


def named_once(listed: Span, earlier: Iterable[Span], later: Iterable[Span]) -> bool:
    """Without its keys: whether all later filters that name the list's relation (``creator_id``) have one new value."""
    name = f"{singular(_name(listed))}_id"
    conditions = [(span, one) for span, one in _conditions(later) if one.column == name]
    if any(one.operator != "eq" for _, one in conditions):
        return False
    values = {span.literals[one.at] for span, one in conditions}
    known = {span.literals[one.at] for span, one in _conditions(earlier)}
    return len(values) == 1 and not values & known


def _name(span: Span) -> str:
    """Its relation's, without the schema."""
    return read_fingerprint(span.fingerprint).relation


def _conditions(spans: Iterable[Span]) -> Iterator[tuple[Span, Filter]]:
    for span in spans:
        if span.relation:
            for condition in read_fingerprint(span.fingerprint).filters:
                yield span, condition


def _places(hashes: Sequence[int]) -> Mapping[int, list[int]]:
    places: dict[int, list[int]] = {}
    for at, value in enumerate(hashes):
        places.setdefault(value, []).append(at)
    return places


def _may_be(column: str, relation: str, asked: str, by: Span) -> bool:
    """Whether a filter on ``asked`` may mean values of ``relation.column``.

    UUIDs are equal on purpose only; of numbers the names have to fit too.
    """
    if asked == column:
        return asked != "id" or _name(by) == relation
    if "id" not in (asked, column):
        return False
    owner, reference = (relation, asked) if column == "id" else (_name(by), column)
    return reference == f"{singular(owner)}_id" or dict(by.key_types).get(asked) == "uuid"
