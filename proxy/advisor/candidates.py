"""The indexes that a level of a request could use.

Equality columns come first, the most selective one first; then one range, or the order with its directions and nulls.
Beside each of these there is one on the rows alone that a constant filter picks.
PostgreSQL, "Multicolumn Indexes", "Indexes and ORDER BY" and "Partial Indexes".
"""

from collections.abc import Iterator, Sequence

from msgspec import structs

from proxy.advisor.levels import EQUALITIES, RANGES, Constants, NullTest, ReadLevel
from proxy.advisor.selection import NEAR
from proxy.plans.proposed_index import NOT_NULL, NULL, ProposedIndex
from proxy.postgrest.request.api_request import OrderTerm
from proxy.postgrest.request.conditions import SEARCHES, Condition
from proxy.schema.compared import plain_columns
from proxy.schema.names import quoted
from proxy.schema.relation import ColumnStats, Relation, TableColumn
from proxy.schema.snapshot import Database

FEW = 0.10
"""Largest share of rows that a constant filter may pick for a partial index."""
MOST_VALUES = 100
"""A value is shown in a predicate only if the column has at most so many: a state, and no name of a person."""
COMPARED = EQUALITIES | RANGES
OTHERS = frozenset(
    ("is", "match", "imatch", "like", "ilike", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", *SEARCHES)
)
"""Operators that are not compared by a btree in its usual order, or that an index serves for few rows alone."""
MOST_KEYS = 3
MOST_INCLUDED, WIDEST = 3, 32
"""Columns of INCLUDE, and their average width in bytes together."""


def candidates(level: ReadLevel, relation: Relation, database: Database, constants: Constants) -> set[ProposedIndex]:
    """The candidates of a level. None where a unique index already finds its at most one row."""
    if finds_one_row(level, relation):
        return set()
    plain = set(_btree(level, relation))
    found = set(plain)
    for test in level.null_tests:
        where = _null_predicate(relation, test)
        found |= {structs.replace(index, where=where) for index in plain} if where else set()
    for column in level.equal:
        where = _predicate(relation, column, constants)
        if where:
            found |= {_of(relation, keys, where=where) for keys in _keys_beside(level, relation, column)}
    for one in level.conditions:
        found |= set(_special(one, relation, database))
    return found | set(_covering(level, relation, found))


def policy_candidates(relation: Relation) -> set[ProposedIndex]:
    """Indexes by the columns that policies compare."""
    return {_of(relation, (quoted(name),)) for name in plain_columns(relation)}


def _of(relation: Relation, keys: Sequence[str], **more: object) -> ProposedIndex:
    return ProposedIndex(relation.schema, relation.name, tuple(keys), **more)  # type: ignore[arg-type]


def _btree(level: ReadLevel, relation: Relation) -> Iterator[ProposedIndex]:
    equal = _by_selectivity(level.equal, relation)[:MOST_KEYS]
    for name in equal:
        yield _of(relation, (quoted(name),))
    for count in range(2, len(equal) + 1):
        yield _of(relation, [quoted(name) for name in equal[:count]])
    for keys in _suffixes(level, relation):
        if equal or keys[1]:
            yield _of(relation, [*(quoted(name) for name in equal), *keys[0]])


def _suffixes(level: ReadLevel, relation: Relation) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Keys after those of equality, and whether they are of use without any."""
    for name in level.ranges:
        if _column(relation, name) is not None:
            yield (quoted(name),), True
    order = [term for term in level.order if term.field.name not in level.equal]
    if order and all(not term.relation and not term.field.path for term in order):
        yield tuple(_ordered(term) for term in order), level.limited or level.grouped


def _ordered(term: OrderTerm) -> str:
    """A key with direction and nulls, without what is the default."""
    nulls = term.nulls.replace("nulls", "").strip()
    words = [quoted(term.field.name)]
    if term.direction == "desc":
        words += ["DESC", "NULLS LAST"] if nulls == "last" else ["DESC"]
    elif nulls == "first":
        words.append("NULLS FIRST")
    return " ".join(words)


def _keys_beside(level: ReadLevel, relation: Relation, constant: str) -> Iterator[tuple[str, ...]]:
    """Keys of an index on the rows that have the constant."""
    others = tuple(quoted(name) for name in _by_selectivity(level.equal, relation) if name != constant)[:MOST_KEYS]
    yield others or (quoted(constant),)
    for keys, alone in _suffixes(level, relation):
        if others or alone:
            yield (*others, *keys)


def _predicate(relation: Relation, name: str, constants: Constants) -> str:
    """The condition of a partial index; empty if the column has no constant, or one that picks many rows."""
    column, value = _column(relation, name), constants.get(((relation.schema, relation.name), name))
    stats = None if column is None else column.stats
    if value is None or stats is None or not 0 < stats.n_distinct <= MOST_VALUES:
        return ""
    if value not in stats.common_values or _frequency(stats, value) > FEW:
        return ""
    return f"{quoted(name)} = '" + value.replace("'", "''") + "'"


def _null_predicate(relation: Relation, test: NullTest) -> str:
    """The condition of a partial index; empty if an index on the rows that it leaves would be no smaller."""
    share = _null_share(_column(relation, test.column), test)
    return quoted(test.column) + (NULL if test.is_null else NOT_NULL) if 0 < share < 1 - NEAR else ""


def _null_share(column: TableColumn | None, test: NullTest) -> float:
    """The share of rows that a test picks; 1 if it is not known."""
    if column is None or column.stats is None:
        return 1.0
    return column.stats.null_frac if test.is_null else 1 - column.stats.null_frac


def _frequency(stats: ColumnStats, value: str) -> float:
    frequency = stats.frequency(value)
    return 1.0 if frequency is None else frequency


def _special(one: Condition, relation: Relation, database: Database) -> Iterator[ProposedIndex]:
    """Indexes for a path into JSON, a pattern or containment."""
    column = _column(relation, one.field.name)
    if column is None:
        return
    name = quoted(column.name)
    if one.field.path:
        steps = one.field.path
        if one.operator in COMPARED and column.type in ("json", "jsonb"):
            path = "".join(f" {step.arrow} " + _step(step.key) for step in steps)
            if steps[-1].arrow == "->>":
                yield _of(relation, (f"({name}{path})",))
    elif one.operator == "like" and not one.argument:
        yield _of(relation, (f"{name} text_pattern_ops",))
    elif one.operator == "ilike" and not one.argument:
        extension = database.extension("pg_trgm")
        if extension is not None:
            yield _of(relation, (f"{name} {quoted(extension.schema)}.gin_trgm_ops",), method="gin")
    elif _is_gin(one.operator, column.type):
        keys = f"{name} jsonb_path_ops" if column.type == "jsonb" else name
        yield _of(relation, (keys,), method="gin")


def _is_gin(operator: str, type_: str) -> bool:
    """Whether a GIN index finds what a value contains, has in common, or says."""
    if type_ == "tsvector":
        return operator in SEARCHES
    return operator in ("cs", "ov") if type_.endswith("[]") else operator == "cs" and type_ == "jsonb"


def untried(level: ReadLevel, relation: Relation, database: Database) -> Iterator[str]:
    """The conditions for which an index could be of use, and none is among the candidates."""
    for one in level.conditions:
        column = _column(relation, one.field.name)
        by_path = bool(one.field.path) and one.operator in COMPARED
        possible = column is not None and (by_path or one.operator in OTHERS)
        if column is None or not possible or any(True for _ in _special(one, relation, database)):
            continue
        if one.operator in SEARCHES and column.type != "tsvector" and not one.field.path:
            continue  # Postgres makes a tsvector by a setting, which no index may depend on
        if one.operator != "is" or not _picks_many(one, column.stats):
            path = "".join(step.arrow + step.key for step in one.field.path)
            yield f"{one.field.name}{path}={one.operator}" + (f".{one.value}" if one.operator == "is" else "")
    yield from level.of_expressions
    for test in level.null_tests:
        if not test.is_null and _null_share(_column(relation, test.column), test) <= FEW:
            yield f"{test.column}=not.is.null"
    if level.alternatives:
        yield "or"


def _picks_many(one: Condition, stats: ColumnStats | None) -> bool:
    """Whether ``is.null``, ``is.true`` or ``is.false`` is known to pick more rows than an index pays for."""
    if stats is None or one.field.path:
        return False
    if one.value == "null":
        return stats.null_frac > FEW
    return _frequency(stats, one.value[:1]) > FEW if stats.common_values else False


def _step(key: str) -> str:
    return key if key.lstrip("-").isdecimal() else "'" + key.replace("'", "''") + "'"


def _covering(level: ReadLevel, relation: Relation, found: set[ProposedIndex]) -> Iterator[ProposedIndex]:
    """The same indexes with the few narrow columns that are returned."""
    columns = [_column(relation, name) for name in level.selected]
    narrow = [column for column in columns if column is not None and column.stats is not None]
    if len(narrow) < len(columns):
        return
    for index in found:
        if index.method == "btree" and not index.where and not any("(" in key for key in index.keys):
            keys = {key.split(" DESC")[0].split(" NULLS")[0] for key in index.keys}
            rest = [column for column in narrow if quoted(column.name) not in keys]
            width = sum(column.stats.avg_width for column in rest if column.stats)
            if rest and len(rest) <= MOST_INCLUDED and width <= WIDEST:
                included = tuple(quoted(column.name) for column in rest)
                yield ProposedIndex(index.schema, index.table, index.keys, include=included)


def finds_one_row(level: ReadLevel, relation: Relation) -> bool:
    """Whether a unique index finds its rows."""
    equal = frozenset(level.equal)
    unique = [index for index in relation.indexes if index.unique and index.valid and not index.where]
    return any(all(key.column in equal for key in index.keys) for index in unique)


def _by_selectivity(names: Sequence[str], relation: Relation) -> list[str]:
    known = [column for name in names if (column := _column(relation, name)) is not None]
    return [column.name for column in sorted(known, key=lambda one: (-_distinct(one, relation), one.name))]


def _distinct(column: TableColumn, relation: Relation) -> float:
    """Number of distinct values; 0 if not known."""
    return 0.0 if column.stats is None else column.stats.distinct(relation.rows)


def _column(relation: Relation, name: str) -> TableColumn | None:
    return next((column for column in relation.columns if column.name == name), None)
