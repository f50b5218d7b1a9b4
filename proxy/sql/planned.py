"""The statement that PostgREST runs for a read, as the planner sees it: relations, predicates, joins, sorts, limits.

Values are parameters, numbered in the order of the text. What PostgREST wraps around the statement to make one JSON
text of its rows does not change its plan, and is left out. PostgREST also numbers ``limit`` and ``offset``; here they
are constants, as the planner sees them.

Source: PostgREST 12, ``Query/QueryBuilder.hs``.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from sqlglot import exp

from proxy.postgrest.request.api_request import ApiRequest, OrderTerm, QueryLevel
from proxy.postgrest.request.conditions import Condition, Tree, Where
from proxy.postgrest.request.grammar import FieldPath
from proxy.postgrest.request.row_range import lowest, row_range
from proxy.postgrest.request.select_list import Items, SelectItem
from proxy.sql.embed_tree import EmbedNode, embed_tree
from proxy.sql.expressions import UnwritableError, column, condition, constant, identifier, ordered, selected
from proxy.sql.levels import Embedded, SelectLevel, as_jsonb, embed_columns, equal, function_of, set_group, table_of
from proxy.sql.reads import JSON_TYPES, STAR, joined, tests_rows
from proxy.sql.relationships import DeclaredSchema, RelationName, find_relationship

_PARAMETER = re.compile(r"\$(\d+)")
NO_VALUE = "?"
"""The text that stands for each literal in a fingerprint."""


class Parameter(msgspec.Struct, frozen=True):
    """A literal of the request: the filter that it belongs to, and its value as PostgREST sends it to Postgres."""

    number: int
    """``$1`` is 1; the count's parameters follow those of the rows."""
    table: RelationName
    column: str
    """Empty where the left side is no column, such as an embed's."""
    path: str
    """The path into a JSON column, such as ``->>a``; else empty."""
    operator: str
    value: str
    is_array: bool = False
    """Whether the value is an array's text: of ``in``, and with ``any`` or ``all``."""


class Planned(msgspec.Struct, frozen=True):
    """A read as SQL. ``statements``: the rows, and with ``count=exact`` their total. UnwritableError has no Planned."""

    rows: exp.Expression
    count: exp.Expression | None
    parameters: tuple[Parameter, ...]
    relations: tuple[RelationName, ...]
    """Every table and view that the text names, the requested one first."""
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> dict[int, str]:
        """The request's own values, by parameter."""
        return {one.number: one.value for one in self.parameters}

    def statements(self, values: Mapping[int, str] | None = None) -> tuple[str, ...]:
        """The texts on one line: with parameters as ``$1``, or with ``values`` as constants."""
        trees = (self.rows,) if self.count is None else (self.rows, self.count)
        return tuple(text_of(tree, values) for tree in trees)


def statements_for(sql: Planned, sets: Sequence[Mapping[int, str]]) -> list[tuple[str, ...]]:
    """``sql.statements`` for each set of values; the trees become text once."""
    texts = sql.statements()
    if sum(text.count("$") for text in texts) != len(sql.parameters):  # a name has one, too
        return [sql.statements(values) for values in sets]
    return [tuple(_filled(text, values) for text in texts) for values in sets]


def _filled(text: str, values: Mapping[int, str]) -> str:
    return _PARAMETER.sub(lambda found: constant(values[int(found[1])]).sql("postgres"), text)


def text_of(tree: exp.Expression, values: Mapping[int, str] | None = None, pretty: bool = False) -> str:
    """The text of a statement; KeyError if ``values`` lacks a parameter."""
    filled = tree if values is None else tree.transform(partial(_with_value, values))
    return filled.sql("postgres", pretty=pretty, normalize_functions=False)


def _with_value(values: Mapping[int, str], node: exp.Expression) -> exp.Expression:
    return constant(values[int(node.name)]) if isinstance(node, exp.Parameter) else node


def planned(request: ApiRequest, relations: DeclaredSchema, max_rows: int | None = None) -> Planned:
    """The statement of a read. ``max_rows`` is PostgREST's db-max-rows.

    UnwritableError for a request that runs no such statement, or one that cannot be told from the catalog.
    """
    if request.method not in ("GET", "HEAD"):
        raise UnwritableError(f"{request.method}, whose statement depends on the body")
    rejected = next((note for note in request.notes if "PostgREST rejects" in note or "left out" in note), "")
    if rejected:
        raise UnwritableError(f"a request that PostgREST does not answer with rows. {rejected.rstrip('.')}")
    builder = _Builder(request, relations, max_rows)
    rows = builder.rows()
    count = builder.count() if "count=exact" in request.prefers else None
    return Planned(rows, count, tuple(builder.parameters), tuple(builder.relations), tuple(request.notes))


class _Builder:
    def __init__(self, request: ApiRequest, relations: DeclaredSchema, max_rows: int | None) -> None:
        self.parameters: list[Parameter] = []
        self.relations: dict[RelationName, None] = {}
        self._request = request
        self._relations = relations
        self._max_rows = max_rows
        self._used = {request.relation}
        self._root: RelationName = (request.schema or relations.schema, request.relation)

    def rows(self) -> exp.Select:
        """The statement that returns the rows."""
        items = self._request.items or (STAR,)
        return self._select(items, self._root_level())

    def count(self) -> exp.Select:
        """The statement whose rows are counted: without limits, sorts and embeds that do not filter."""
        inner = self._counted(self._root_level())
        star = exp.Anonymous(this="count", expressions=[exp.Star()])
        alias = exp.TableAlias(this=identifier(self._unique("counted")))
        return exp.Select(expressions=[star]).from_(exp.Subquery(this=inner, alias=alias))

    # A level, and its parts.

    def _root_level(self) -> SelectLevel:
        nodes = embed_tree(self._request.items, self._request.embed_params)
        return self._level(self._root, self._request.relation, self._request.root, nodes)

    def _level(self, table: RelationName, name: str, own: QueryLevel, nodes: list[EmbedNode]) -> SelectLevel:
        if table not in self._relations.columns:
            raise UnwritableError(f"{table[0]}.{table[1]}, which is not in the catalog or may not be read")
        self.relations[table] = None
        names = [node.item.output_name for node in nodes]
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            raise UnwritableError(f"two embeds called '{twice}': PostgREST fails; give one an alias")
        return SelectLevel(table, name, own, tuple(self._embedded(node, table) for node in nodes))

    def _embedded(self, node: EmbedNode, table: RelationName) -> Embedded:
        alias = self._unique(f"{node.item.output_name}_rows")
        return Embedded(node.item, find_relationship(self._relations, table, node.item), alias, node)

    def _below(self, one: Embedded, above: SelectLevel) -> SelectLevel:
        """The level of an embed."""
        target, via, node = one.relationship.target, one.relationship, one.node
        own = QueryLevel((), tuple(node.where), node.order, node.limit, node.offset)
        level = self._level(target, self._unique(target[1]), own, node.children)
        if via.junction is not None:
            self.relations[via.junction] = None
            junction = self._unique(via.junction[1])
            tests = equal(above.name, junction, via.on) + equal(junction, level.name, via.to_target)
            via = msgspec.structs.replace(via, junction_keys=(junction, ""))
        else:
            tests = equal(above.name, level.name, via.on)
        return msgspec.structs.replace(level, join=tuple(tests), above=above.name, via=via)

    def _select(self, items: Items, level: SelectLevel) -> exp.Select:
        selects = [self._selected(item, level) for item in items if isinstance(item, SelectItem)]
        selects += [part for one in level.embeds for part in embed_columns(one)]
        if not (items or level.embeds):  # PostgREST selects the columns of an embed that shows none
            selects = [self._selected(STAR, level)]
        query = self._from(exp.Select(expressions=selects), level)
        query.set("joins", [*query.args.get("joins", ()), *(self._join(one, level) for one in level.embeds)])
        self._set_where(query, level, [self._where(where, level) for where in level.level.where])
        set_group(query, items, level)
        if level.level.order:
            terms = [self._ordered(item, level) for item in level.level.order]
            query.set("order", exp.Order(expressions=terms))
        self._set_range(query, level)
        return query

    def _from(self, query: exp.Select, level: SelectLevel) -> exp.Select:
        via = level.via
        if via is not None and via.function is not None:
            row = exp.Column(this=exp.Star(), table=identifier(level.above))
            call = exp.Anonymous(this=function_of(via.function), expressions=[row])
            return query.from_(exp.Table(this=call, alias=exp.TableAlias(this=identifier(level.name))))
        query = query.from_(table_of(level.table, level.name))
        if via is not None and via.junction is not None:
            query.set("joins", [exp.Join(this=table_of(via.junction, via.junction_keys[0]))])  # binds less than JOIN
        return query

    def _selected(self, item: SelectItem, level: SelectLevel) -> exp.Expression:
        return selected(item, level.name, self._is_json(item.field, level.table))

    def _is_json(self, field: FieldPath, table: RelationName) -> bool:
        return self._relations.columns[table].get(field.name, "json") in JSON_TYPES

    def _set_where(self, query: exp.Select, level: SelectLevel, tests: Sequence[exp.Expression]) -> None:
        every = [*tests, *level.join]
        if every:
            query.set("where", exp.Where(this=joined("and", every)))

    def _where(self, where: Where, level: SelectLevel, counts: bool = False) -> exp.Expression:
        if isinstance(where, Tree):
            tree = exp.Paren(this=joined(where.operator, [self._where(part, level, counts) for part in where.parts]))
            return exp.Not(this=tree) if where.negated else tree
        embed = next((one for one in level.embeds if one.item.output_name == where.field.name), None)
        if embed is not None and tests_rows(where):
            return self._has_rows(embed, level, where.negated, counts)
        type_name = self._relations.columns[level.table].get(where.field.name, "")
        if type_name in self._relations.represented and not where.field.path:
            raise UnwritableError(f"a filter on {where.field.name}, whose type has a data representation")
        left = column(where.field, level.name, self._is_json(where.field, level.table))
        return condition(where, left, partial(self._parameter, where, level.table), lists=False)

    def _has_rows(self, embed: Embedded, level: SelectLevel, negated: bool, counts: bool) -> exp.Expression:
        if counts:
            found = exp.Exists(this=self._counted(self._below(embed, level)))
            return found if negated else exp.Not(this=found)
        different = exp.NullSafeNEQ if negated else exp.NullSafeEQ
        return different(this=exp.Column(this=identifier(embed.alias)), expression=exp.Null())

    def _parameter(self, where: Condition, table: RelationName, value: str) -> exp.Expression:
        number = len(self.parameters) + 1
        path = "".join(step.arrow + step.key for step in where.field.path)
        is_array = where.operator == "in" or where.argument in ("any", "all")
        self.parameters.append(Parameter(number, table, where.field.name, path, where.operator, value, is_array))
        return exp.Parameter(this=exp.Literal.number(number))

    def _ordered(self, item: OrderTerm, level: SelectLevel) -> exp.Expression:
        if not item.relation:
            return ordered(item, column(item.field, level.name, self._is_json(item.field, level.table)))
        embed = next((one for one in level.embeds if one.item.output_name == item.relation), None)
        if embed is None or not embed.relationship.to_one:
            raise UnwritableError(f"an order by {item.relation}, which is no embed of one row: PostgREST rejects it")
        is_json = self._is_json(item.field, embed.relationship.target)
        return ordered(item, column(item.field, embed.alias, is_json))

    def _set_range(self, query: exp.Select, level: SelectLevel) -> None:
        is_root = not level.above
        header = self._request.range if is_root and self._request.method == "GET" else ""
        rows = row_range(level.level.limit, level.level.offset, header)
        if any("416" in note for note in rows.notes):
            raise UnwritableError("a range without rows, which PostgREST answers with 416")
        limit = lowest(rows.limit, self._max_rows)
        if limit is not None:
            query.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
        if rows.offset:
            query.set("offset", exp.Offset(expression=exp.Literal.number(rows.offset)))

    def _join(self, one: Embedded, above: SelectLevel) -> exp.Join:
        """The lateral subquery of an embed: its row, or one row with the array of its rows."""
        below = self._below(one, above)
        tree = self._select(one.item.items, below)
        on: exp.Expression = exp.Boolean(this=True)
        alias = identifier(one.alias)
        if not one.relationship.to_one:
            if one.item.spread:
                raise UnwritableError(f"'...{one.item.relation}', which spreads several rows: PostgREST 12 rejects it")
            inside = exp.Subquery(this=tree, alias=exp.TableAlias(this=alias.copy()))
            rows = as_jsonb(exp.Anonymous(this="json_agg", expressions=[exp.Column(this=alias.copy())]))
            tree = exp.Select(expressions=[exp.Alias(this=rows, alias=alias.copy())]).from_(inside)
            if one.item.inner:
                on = exp.Not(this=exp.Is(this=exp.Column(this=alias.copy()), expression=exp.Null()))
        lateral = exp.Lateral(this=exp.Subquery(this=tree), alias=exp.TableAlias(this=alias))
        return exp.Join(this=lateral, on=on, **({"kind": "INNER"} if one.item.inner else {"side": "LEFT"}))

    def _counted(self, level: SelectLevel) -> exp.Select:
        query = self._from(exp.Select(expressions=[exp.Literal.number(1)]), level)
        inner = [one for one in level.embeds if one.item.inner]
        tests: list[exp.Expression] = [self._where(where, level, counts=True) for where in level.level.where]
        tests += [exp.Exists(this=self._counted(self._below(one, level))) for one in inner]
        self._set_where(query, level, tests)
        return query

    def _unique(self, base: str) -> str:
        name, number = base, 2
        while name in self._used:
            name, number = f"{base}_{number}", number + 1
        self._used.add(name)
        return name
