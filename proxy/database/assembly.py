"""Makes a snapshot of the rows that its statements returned."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from proxy.schema.parsing import parse_optional
from proxy.schema.relation import (
    ColumnStats,
    ForeignKey,
    Grant,
    Index,
    IndexKey,
    Policy,
    Privilege,
    Relation,
    TableColumn,
    TableStats,
    Trigger,
    View,
)
from proxy.schema.snapshot import Database, Extension, Function, NotChecked, Part, Role, Server

StatementRow = Mapping[str, Any]
Rows = Sequence[StatementRow]
S = TypeVar("S", bound=msgspec.Struct)

ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}


def assemble(exposed: tuple[str, ...], rows: Mapping[Part, Rows], missing: Sequence[NotChecked]) -> Database:
    """The snapshot; ``missing`` are the parts without rows, and objects of which a part has none."""
    server = rows.get("server", ())
    return Database(
        schemas=exposed,
        server=_struct(Server, server[0]) if server else Server(),
        roles=tuple(_role(row) for row in rows.get("roles", ())),
        extensions=_structs(Extension, rows.get("extensions", ())),
        relations=_relations(rows),
        functions=_structs(Function, rows.get("functions", ())),
        read=frozenset(rows),
        not_checked=tuple(missing),
    )


def _struct(kind: type[S], row: StatementRow, **further: Any) -> S:
    """A struct of the columns that are fields of it; arrays become tuples."""
    names = set(kind.__struct_fields__) & set(row.keys())
    values = {name: tuple(row[name]) if isinstance(row[name], list) else row[name] for name in names}
    return kind(**{**values, **further})


def _structs(kind: type[S], rows: Iterable[StatementRow]) -> tuple[S, ...]:
    return tuple(_struct(kind, row) for row in rows)


def _by_oid(rows: Iterable[StatementRow]) -> Mapping[int, list[StatementRow]]:
    groups: dict[int, list[StatementRow]] = defaultdict(list)
    for row in rows:
        groups[row["oid"]].append(row)
    return groups


def _role(row: StatementRow) -> Role:
    settings = tuple((name, value) for name, _, value in (text.partition("=") for text in row["settings"]))
    return _struct(Role, row, settings=settings)


def _relations(rows: Mapping[Part, Rows]) -> tuple[Relation, ...]:
    scans = {(row["schema"], row["name"]): row["scans"] for row in rows.get("index_stats", ())}
    column_stats = {(row["oid"], row["name"]): _column_stats(row) for row in rows.get("column_stats", ())}
    of = {part: _by_oid(rows.get(part, ())) for part in _BELONGING}
    return tuple(
        _struct(
            Relation,
            row,
            columns=tuple(
                _struct(TableColumn, each, stats=column_stats.get((oid, each["name"])))
                for each in of["columns"].get(oid, ())
            ),
            indexes=tuple(_index(each, scans) for each in of["indexes"].get(oid, ())),
            foreign_keys=tuple(_foreign_key(each) for each in of["foreign_keys"].get(oid, ())),
            policies=tuple(_policy(each) for each in of["policies"].get(oid, ())),
            triggers=_structs(Trigger, of["triggers"].get(oid, ())),
            privileges=_structs(Privilege, of["privileges"].get(oid, ())),
            grants=_structs(Grant, of["grants"].get(oid, ())),
            stats=next(iter(_structs(TableStats, of["table_stats"].get(oid, ()))), None),
            view=next(iter(_structs(View, of["views"].get(oid, ()))), None),
        )
        for row in rows.get("relations", ())
        for oid in (row["oid"],)
    )


_BELONGING: tuple[Part, ...] = (
    "columns",
    "indexes",
    "foreign_keys",
    "policies",
    "triggers",
    "privileges",
    "grants",
    "table_stats",
    "views",
)


def _column_stats(row: StatementRow) -> ColumnStats:
    lists = {name: tuple(row[name] or ()) for name in ("common_values", "common_frequencies", "histogram")}
    return _struct(ColumnStats, row, **lists)


def _index(row: StatementRow, scans: Mapping[tuple[str, str], int]) -> Index:
    keys = tuple(
        IndexKey(text, column, opclass, default, collation, bool(option & 1), bool(option & 2))
        for text, column, opclass, default, collation, option in zip(
            row["keys"],
            row["key_columns"],
            row["opclasses"],
            row["default_opclasses"],
            row["collations"],
            row["options"],
            strict=True,
        )
    )
    return _struct(Index, row, keys=keys, scans=scans.get((row["schema"], row["name"])))


def _foreign_key(row: StatementRow) -> ForeignKey:
    return _struct(ForeignKey, row, on_delete=ACTIONS[row["on_delete"]], on_update=ACTIONS[row["on_update"]])


def _policy(row: StatementRow) -> Policy:
    return _struct(
        Policy,
        row,
        command=COMMANDS[row["command"]],
        using=parse_optional(row["using"]),
        check=parse_optional(row["check"]),
    )
