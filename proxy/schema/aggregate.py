"""What a query computes from many rows: the aggregates of a view's definition, and of a request's ``select``."""

import re

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proxy.schema.expression import FunctionCall
from proxy.schema.names import quoted
from proxy.schema.parsing import calls_in

ITEM = re.compile(r"(?:(?P<alias>[^:.()]+):)?(?:(?P<column>[^:.()]+)\.)?(?P<function>sum|avg|min|max|count)\(\)")
"""An aggregate of ``select`` (PostgREST, "Aggregate Functions")."""
PLAIN = re.compile(r"(?:(?P<alias>[^:.()]+):)?(?P<column>[^:.()]+)")
OF_CALLER = (exp.CurrentUser, exp.SessionUser, exp.SessionParameter)


class GroupColumn(msgspec.Struct, frozen=True):
    """A column of the result that groups the rows."""

    name: str
    column: str = ""
    """The column of a table that it is; empty for an expression."""


class Aggregate(msgspec.Struct, frozen=True):
    """A query with aggregates."""

    keys: tuple[GroupColumn, ...]
    """Those of GROUP BY that the result contains."""
    unique: bool
    """Whether the keys identify a row of the result: GROUP BY has no other."""
    calls: tuple[FunctionCall, ...] = ()
    of_caller: bool = False
    """It reads who runs it."""


class UnparsedQueryError(Exception):
    """The query could not be parsed."""


def parse_aggregate(definition: str) -> Aggregate | None:
    """What a view's definition aggregates; None if it does not. UnparsedQueryError."""
    try:
        tree = sqlglot.parse_one(definition, dialect="postgres")
    except (SqlglotError, RecursionError) as error:
        raise UnparsedQueryError from error
    if not isinstance(tree, exp.Query) or tree.find(exp.Command):
        raise UnparsedQueryError
    if not isinstance(tree, exp.Select) or not _aggregates(tree):
        return None
    group = tree.args.get("group")
    wanted = [each.unnest() for each in group.expressions] if group else []
    known = {each.unalias().unnest(): each.alias_or_name for each in tree.expressions}
    plain = group is None or not any(group.args.get(name) for name in ("grouping_sets", "cube", "rollup"))
    keys = tuple(_key(known[each], each) for each in wanted if each in known)
    calls = tuple(calls_in(tree))
    by_name = any(call.name in ("current_setting", "current_user", "session_user") for call in calls)
    return Aggregate(
        keys, plain and bool(keys) and len(keys) == len(wanted), calls, by_name or tree.find(*OF_CALLER) is not None
    )


def _aggregates(tree: exp.Select) -> bool:
    """Whether the query itself groups rows, not only a subselect or a window of it."""
    found = (each for projection in tree.expressions for each in projection.find_all(exp.AggFunc))
    own = (each for each in found if each.find_ancestor(exp.Select, exp.Window) is tree)
    return tree.args.get("group") is not None or any(own)


def _key(name: str, expression: exp.Expr) -> GroupColumn:
    return GroupColumn(name, expression.name if isinstance(expression, exp.Column) else "")


def aggregate_of_select(select: str, table: str) -> tuple[Aggregate, str] | None:
    """The aggregate that a request's ``select`` asks of ``table`` (SQL), and its statement.

    None if it has none, or more than plain columns and aggregates.
    """
    keys, columns, found = [], [], False
    for item in select.split(","):
        if one := ITEM.fullmatch(item):
            found = True
            of = quoted(one["column"]) if one["column"] else "*"
            columns.append(f"{one['function']}({of}) as {quoted(one['alias'] or one['function'])}")
        elif one := PLAIN.fullmatch(item):
            if "*" in one["column"] or "->" in one["column"]:
                return None
            keys.append(GroupColumn(one["alias"] or one["column"], one["column"]))
        else:
            return None
    if not found:
        return None
    named = [f"{quoted(key.column)} as {quoted(key.name)}" for key in keys]
    by = f" group by {', '.join(quoted(key.column) for key in keys)}" if keys else ""
    statement = f"select {', '.join([*named, *columns])} from {table}{by}"  # noqa: S608 – printed, and of quoted names
    return Aggregate(tuple(keys), bool(keys)), statement
