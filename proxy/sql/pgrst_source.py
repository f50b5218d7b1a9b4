"""Reads a statement of PostgREST, as ``pg_stat_statements`` shows it, back into the fingerprint of its request.

Source: PostgREST 12, ``Query/QueryBuilder.hs`` and ``Query/Statements.hs``.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proxy.sql.expressions import UnwritableError
from proxy.sql.pgrst_filters import NO_VALUE, column_of, params_of

SOURCE, CALL = "pgrst_source", "pgrst_call"
METHODS: dict[type[exp.Expr], str] = {exp.Update: "PATCH", exp.Delete: "DELETE", exp.Insert: "POST"}
PARAMETER = re.compile(r"""(?<![\w"$])\$\d+""")
LITERAL = f"'{NO_VALUE}'"
"""Stands for each parameter: sqlglot takes what is between two dollar signs for a text."""
PATH_KEY = re.compile(r"->(>?)[^-,.()=:&>]+")
ALIASED_PATH = re.compile(r"(^|[,(=])[^,()=.:&]+:(?=[^,()=:&]*->)")
HINT = re.compile(r"!(?!inner\b)\w+")
AGGREGATES = (".sum()", ".avg()", ".max()", ".min()", ".count()")
OF_BODIES = ("select", "columns", "on_conflict")
"""Parameters of writes that do not decide which rows are written."""


def is_postgrest(text: str) -> bool:
    """Whether PostgREST wrote the statement, for a request that reads or writes a relation."""
    return text.lstrip().startswith(f"WITH {SOURCE} AS")


def fingerprint_of(text: str, first_schema: str) -> str:
    """The fingerprint: select, filters, order, limit and offset in this order, each level before those in it.

    ``first_schema`` is left out of it. Keys of paths into JSON are ``?``. That of a call of a function is its path with
    its arguments: the statement does not show whether it was a GET or a POST. UnwritableError, which says why, for
    expressions that are not read back.
    """
    tree, source = _parsed(text)
    if isinstance(source, exp.Select):
        called = _called(source)
        if called is not None:
            return _call(called, tree, first_schema)
        level = _level(source, "")
        return f"GET {_relation(level.table, first_schema)}?{'&'.join([f'select={level.items}', *level.params])}"
    method = METHODS.get(type(source))
    table = source.this.this if isinstance(source.this, exp.Schema) else source.this
    if method is None or not isinstance(table, exp.Table):
        raise UnwritableError("a statement that is not read back")
    where = source.args.get("where")
    params = list(params_of(where.this, "")) if where is not None else []
    return f"{method} {_relation(table, first_schema)}" + (f"?{'&'.join(params)}" if params else "")


def updated_columns(text: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Schema, table and the columns that an update of PostgREST sets; None if the statement is another one."""
    if "UPDATE" not in text:
        return None
    try:
        _, update = _parsed(text)
    except UnwritableError:
        return None
    if not isinstance(update, exp.Update) or not isinstance(update.this, exp.Table):
        return None
    columns = (one.this.name for one in update.expressions if isinstance(one, exp.EQ))
    return update.this.db, update.this.name, tuple(dict.fromkeys(columns))


class _Level(NamedTuple):
    """A level of a read: its table, what it selects, and the parameters of it and of those in it."""

    table: exp.Table
    items: str
    params: list[str]


def _parsed(text: str) -> tuple[exp.Expr, exp.Expr]:
    """The whole statement, and the part of it that reads or writes the relation, or calls the function."""
    try:
        tree = sqlglot.parse_one(PARAMETER.sub(LITERAL, text), read="postgres")
    except (SqlglotError, RecursionError) as error:
        raise UnwritableError("a statement that cannot be parsed") from error
    found = next((each.this for each in tree.find_all(exp.CTE) if each.alias == SOURCE), None)
    if not isinstance(found, exp.Expr):
        raise UnwritableError("a statement that cannot be parsed")
    return tree, found


def _called(source: exp.Select) -> exp.Dot | None:
    """The call of the function; None if the statement is no call."""
    if not any(each.alias == CALL for each in source.find_all(exp.Lateral, exp.Subquery)):
        return None
    return next((dot for dot in source.find_all(exp.Dot) if isinstance(dot.expression, exp.Anonymous)), None)


def _call(called: exp.Dot, tree: exp.Expr, first_schema: str) -> str:
    rows = tree.args.get("from_")
    select = rows.this.this if rows is not None and isinstance(rows.this, exp.Subquery) else None
    if not isinstance(select, exp.Select):
        raise UnwritableError("a call of a function that is not read back")
    schema = called.this.name
    name = called.expression.name if schema == first_schema else f"{schema}.{called.expression.name}"
    named = [each.this for each in called.expression.expressions if isinstance(each, exp.PropertyEQ)]
    arguments = [f"{(each.this if isinstance(each, exp.Variadic) else each).name}={NO_VALUE}" for each in named]
    level = _level(select, "")
    return f"/rpc/{name}?{'&'.join([*arguments, f'select={level.items}', *level.params])}"


def _relation(table: exp.Table, first_schema: str) -> str:
    return table.name if table.db == first_schema else f"{table.db}.{table.name}"


def _level(select: exp.Select, prefix: str) -> _Level:
    source = select.args.get("from_")
    if source is None or not isinstance(source.this, exp.Table) or not isinstance(source.this.this, exp.Identifier):
        raise UnwritableError("an expression in place of a relation")
    embeds = _embeds(select, source.this)
    _name_embeds(select, embeds)
    items, params, inner = [], list(_own_params(select, prefix)), list[str]()
    waiting = dict(embeds)
    for one in select.expressions:
        name = _lateral_of(one) or (one.table if isinstance(one, exp.Column) else "")
        if name not in embeds:
            items.append(_selected(one))
        elif name in waiting:
            embed, spread = waiting.pop(name), isinstance(one, exp.Column)
            level = _level(embed.select, f"{prefix}{embed.name}.")
            items.append(("..." if spread else embed.alias) + f"{embed.table}{embed.kind}({level.items})")
            inner += level.params
    for embed in waiting.values():  # without columns
        inner += _level(embed.select, f"{prefix}{embed.name}.").params
        items.append(f"{embed.alias}{embed.table}{embed.kind}()")
    return _Level(source.this, ",".join(items), params + inner)


class _Embed(NamedTuple):
    """An embed. ``name`` is what parameters call it; ``alias`` ends in a colon, and is empty if it has none."""

    name: str
    alias: str
    table: str
    kind: str
    select: exp.Select


def _embeds(select: exp.Select, table: exp.Table) -> dict[str, _Embed]:
    """The embeds of a level, by the alias of their LATERAL."""
    selected = {_lateral_of(one): one.alias for one in select.expressions if isinstance(one, exp.Alias)}
    found: dict[str, _Embed] = {}
    for join in select.args.get("joins") or ():
        if not isinstance(join.this, exp.Lateral):
            continue
        lateral = join.this.alias
        inner = _embedded(join.this)
        source = inner.args.get("from_")
        target = source.this.name if source is not None and isinstance(source.this, exp.Table) else ""
        # Else it is <table above>_<name>_<number>.
        middle = lateral.removeprefix(f"{table.alias_or_name}_").rpartition("_")[0]
        name = selected.get(lateral) or middle or target
        kind = "!inner" if join.args.get("kind") == "INNER" else ""
        found[lateral] = _Embed(name, f"{name}:" if name != target else "", target, kind, inner)
    return found


def _name_embeds(select: exp.Select, embeds: dict[str, _Embed]) -> None:
    """Call embeds in filters (``creators=not.is.null``) and orders (``creators(handle)``) as parameters do."""
    for part in ("where", "order"):
        clause = select.args.get(part)
        for column in list(clause.find_all(exp.Column)) if clause is not None else ():
            if column.table in embeds:
                name = f"{embeds[column.table].name}({column.name})"
            elif not column.table and column.name in embeds:
                name = embeds[column.name].name
            else:
                continue
            column.replace(exp.Column(this=exp.Identifier(this=name, quoted=True)))


def _lateral_of(node: exp.Expr) -> str:
    """The alias of the embed that a selected expression is; empty if it is none."""
    if not isinstance(node, exp.Alias):
        return ""
    value = node.this.this if isinstance(node.this, exp.Cast) else node.this
    if isinstance(value, exp.Coalesce) and isinstance(value.this, exp.Column):
        return str(value.this.table)
    row = value.expressions[0] if isinstance(value, exp.Anonymous) and value.name == "row_to_json" else None
    return str(row.table) if isinstance(row, exp.Column) else ""


def _embedded(lateral: exp.Lateral) -> exp.Select:
    """The SELECT of an embed: inside the one that makes an array, if there may be several rows."""
    select = lateral.this.this
    source = select.args.get("from_") if isinstance(select, exp.Select) else None
    if source is not None and isinstance(source.this, exp.Subquery):
        select = source.this.this
    if not isinstance(select, exp.Select):
        raise UnwritableError("an embed that is not read back")
    return select


def _own_params(select: exp.Select, prefix: str) -> Iterator[str]:
    where, order = select.args.get("where"), select.args.get("order")
    if where is not None:
        yield from params_of(where.this, prefix)
    if order is not None:
        yield f"{prefix}order=" + ",".join(_ordered(one) for one in order.expressions)
    if select.args.get("limit") is not None or select.args.get("offset") is not None:
        yield f"{prefix}limit={NO_VALUE}"
        yield f"{prefix}offset={NO_VALUE}"


def _selected(node: exp.Expr) -> str:
    if isinstance(node, exp.Alias):
        column = column_of(node.this)
        return column if "->" in column else f"{node.alias}:{column}"  # PostgREST names it by the key
    return column_of(node)


def _ordered(node: exp.Expr) -> str:
    if not isinstance(node, exp.Ordered):
        raise UnwritableError("an order that is not read back")
    descending, first = bool(node.args.get("desc")), bool(node.args.get("nulls_first"))
    nulls = "" if descending == first else ".nullsfirst" if first else ".nullslast"
    return column_of(node.this) + (".desc" if descending else "") + nulls


def same_statement(fingerprint: str) -> tuple[str, frozenset[str]]:
    """Equal for fingerprints of requests for which PostgREST runs one statement, whatever the order of parameters."""
    method, _, target = fingerprint.partition(" ")
    path, _, query = target.partition("?")
    params = {_normal(param) for param in query.split("&") if param}
    for offset in [param for param in params if param.endswith("offset=?")]:
        params = params - {offset} | {offset.removesuffix("offset=?") + "limit=?"}
    if method not in ("GET", "HEAD"):
        params = {param for param in params if param.partition("=")[0] not in OF_BODIES}
    return f"{'GET' if method == 'HEAD' else method} {path}", frozenset(params - {"select=*"})


def _normal(param: str) -> str:
    name, _, value = param.partition("=")
    if name.rpartition(".")[2] == "order":
        return f"{name}={value.replace('.asc', '')}"
    if name == "select":
        value = _columns_first(HINT.sub("", ALIASED_PATH.sub(r"\1", value)))
    return PATH_KEY.sub(r"->\1?", f"{name}={value}")


def _columns_first(select: str) -> str:
    """The items as the statement has them: the columns of each level, then its embeds."""
    columns, embeds = list[str](), list[str]()
    for item in _items(select):
        if "(" not in item or item.endswith(AGGREGATES) or item == "count()":
            columns.append(item)
        else:
            name, _, inner = item.partition("(")
            embeds.append(f"{name}({_columns_first(inner[:-1])})")
    return ",".join([*columns, *embeds])


def _items(select: str) -> Iterator[str]:
    """The parts between the commas of the outer level."""
    depth, quoted, start = 0, False, 0
    for place, character in enumerate(select):
        quoted ^= character == '"'
        if not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == "," and depth == 0:
                yield select[start:place]
                start = place + 1
    yield select[start:]


def is_whole(fingerprint: str) -> bool:
    """Whether it tells the request: the keys of paths into JSON are not in the statement."""
    return "->?" not in fingerprint and "->>?" not in fingerprint
