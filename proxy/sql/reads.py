"""Writes a read as SQL: a SELECT with one lateral subquery per embed."""

from functools import reduce

from sqlglot import exp

from proxy.postgrest.request.api_request import ApiRequest, OrderTerm, QueryLevel
from proxy.postgrest.request.conditions import Condition, Tree, Where
from proxy.postgrest.request.grammar import FieldPath
from proxy.postgrest.request.row_range import row_range
from proxy.postgrest.request.select_list import Embed, Items, SelectItem
from proxy.sql.expressions import column, condition, constant, identifier, ordered, selected

JSON_TYPES = frozenset(("json", "jsonb"))
STAR = SelectItem(FieldPath("*"))
EMBEDDED_ROWS = "embedded"
"""The alias of the array of embedded rows."""

JOIN_NOTE = (
    "foreign_key(a, b) stands for the join condition of a and b, which is in the catalog and may need a third table."
)
ARRAY_NOTE = "Embedded rows are an array here; for a to-one relationship, PostgREST returns one object, or null."
SPREAD_NOTE = "'...' spreads the columns of one row: PostgREST 12 rejects it for a relationship to several rows."
AGGREGATE_NOTE = "PostgREST rejects aggregates unless db-aggregates-enabled is set."
TO_JSON_NOTE = "A path starts at to_jsonb(column) if the column is neither json nor jsonb; set its type with --type."
SEARCH_NOTE = "PostgREST 13 and later search in to_tsvector(column) if the column is not a tsvector."

EmbedLevels = list[tuple[tuple[str, ...], QueryLevel]]
"""The levels of the relation and of its embeds, each with the rest of its path."""
Embeds = list[tuple[Embed, str]]
"""Embeds, each with the alias of its lateral subquery."""


class ReadStatement:
    """Writes SELECTs for one request; ``notes`` say what they simplify."""

    def __init__(self, request: ApiRequest, types: dict[str, str]) -> None:
        self.notes: list[str] = []
        self.has_filtering_embed = False
        """Whether an embed affects which rows of the relation are returned."""
        self._request = request
        self._types = types
        self._used_names = {request.relation}

    def root(self) -> exp.Select:
        """The whole statement."""
        levels: EmbedLevels = [(level.path, level) for level in self._request.levels.values()]
        return self._select(self._request.items or (STAR,), self._request.relation, self._request.relation, levels, "")

    def table(self) -> exp.Expression:
        """The requested relation, with its schema if the request names one."""
        return self._table(self._request.relation, self._request.relation)

    def conditions(self) -> list[exp.Expression]:
        """The filters on the relation itself, for a statement without embeds."""
        return [self._where(where, self._request.relation, {}, True) for where in self._request.root.where]

    def columns(self, items: Items) -> list[exp.Expression]:
        """The selected columns of the relation itself."""
        return [self._selected(item, self._request.relation, True) for item in items if isinstance(item, SelectItem)]

    # Parts of a SELECT. `table` is a table's alias in the statement; only of the root are column types known.

    def _select(self, items: Items, relation: str, table: str, levels: EmbedLevels, above: str) -> exp.Select:
        """``above`` is the table in whose rows these are embedded; empty for the root."""
        level = merged_level([level for path, level in levels if not path])
        embeds = [(item, self._unique_name(f"{item.output_name}_rows")) for item in items if isinstance(item, Embed)]
        self._note_unknown_embeds(levels, [embed for embed, _ in embeds])
        selects = [self._selected(item, table, not above) for item in items if isinstance(item, SelectItem)]
        selects += [column for embed, rows in embeds for column in _embed_columns(embed, rows)]
        nothing = [exp.Literal.number(1)] if above else []  # rows without columns are `{}` to PostgREST
        query = exp.Select(expressions=selects or nothing).from_(self._table(relation, table))
        query.set("joins", [self._join(embed, rows, table, levels) for embed, rows in embeds])
        self._set_where(query, level, table, embeds, above)
        self._set_group(query, items, table)
        self._set_order(query, level, table, not above)
        self._set_range(query, level, not above)
        return query

    def _table(self, relation: str, name: str) -> exp.Expression:
        schema = identifier(self._request.schema) if self._request.schema else None
        alias = None if name == relation else exp.TableAlias(this=identifier(name))
        return exp.Table(this=identifier(relation), db=schema, alias=alias)

    def _unique_name(self, base: str) -> str:
        """``base``, with a number if the name is already used in the statement."""
        name, number = base, 2
        while name in self._used_names:
            name, number = f"{base}_{number}", number + 1
        self._used_names.add(name)
        return name

    def _selected(self, item: SelectItem, table: str, is_root: bool) -> exp.Expression:
        return selected(item, table, self._is_json(item.field, is_root))

    def _is_json(self, field: FieldPath, is_root: bool) -> bool:
        """Whether the column of a path is JSON, or may be."""
        type_name = self._types.get(field.name) if is_root else None
        if field.path and type_name is None:
            self.notes.append(TO_JSON_NOTE)
        return type_name is None or type_name in JSON_TYPES

    def _set_where(self, query: exp.Select, level: QueryLevel, table: str, embeds: Embeds, above: str) -> None:
        keys = [exp.Column(this=identifier(name)) for name in (table, above)]
        tests: list[exp.Expression] = [exp.Anonymous(this="foreign_key", expressions=keys)] if above else []
        names = {name: rows for embed, rows in embeds for name in (embed.relation, embed.alias) if name}
        tests += [self._where(where, table, names, not above) for where in level.where]
        if tests:
            query.set("where", exp.Where(this=joined("and", tests)))

    def _where(self, where: Where, table: str, embeds: dict[str, str], is_root: bool) -> exp.Expression:
        """A filter or a tree of filters. ``embeds`` are by name: a filter on one tests whether it has rows."""
        if isinstance(where, Tree):
            parts = [self._where(part, table, embeds, is_root) for part in where.parts]
            tree = exp.Paren(this=joined(where.operator, parts))
            return exp.Not(this=tree) if where.negated else tree
        rows = embeds.get(where.field.name)
        if rows is not None and tests_rows(where):
            self.has_filtering_embed = True
            return condition(where, exp.Column(this=identifier(EMBEDDED_ROWS), table=identifier(rows)))
        if where.operator.endswith("fts"):
            self.notes.append(SEARCH_NOTE)
        return condition(where, column(where.field, table, self._is_json(where.field, is_root)))

    def _set_group(self, query: exp.Select, items: Items, table: str) -> None:
        """Group by every item that is not an aggregate, by its alias if it has one."""
        plain = [item for item in items if isinstance(item, SelectItem)]
        if not any(item.aggregate for item in plain):
            return
        self.notes.append(AGGREGATE_NOTE)
        groups = [
            exp.Column(this=identifier(item.output_name)) if item.output_name else column(item.field, table)
            for item in plain
            if not item.aggregate
        ]
        groups += [
            exp.Column(this=identifier(item.output_name)) for item in items if isinstance(item, Embed) and item.items
        ]
        if groups:
            query.set("group", exp.Group(expressions=groups))

    def _set_order(self, query: exp.Select, level: QueryLevel, table: str, is_root: bool) -> None:
        items = [self._ordered(item, table, is_root) for item in level.order if not item.relation]
        for item in level.order:
            if item.relation:
                self.notes.append(f"The order by {item.relation}({item.field}), a column of an embed, is left out.")
        if items:
            query.set("order", exp.Order(expressions=items))

    def _ordered(self, item: OrderTerm, table: str, is_root: bool) -> exp.Expression:
        return ordered(item, column(item.field, table, self._is_json(item.field, is_root)))

    def _set_range(self, query: exp.Select, level: QueryLevel, is_root: bool) -> None:
        header = self._request.range if is_root and self._request.method == "GET" else ""
        rows = row_range(level.limit, level.offset, header)
        self.notes += rows.notes
        if rows.limit is not None:
            query.set("limit", exp.Limit(expression=exp.Literal.number(rows.limit)))
        if rows.offset:
            query.set("offset", exp.Offset(expression=exp.Literal.number(rows.offset)))

    # Embeds.

    def _join(self, embed: Embed, rows: str, above: str, levels: EmbedLevels) -> exp.Join:
        """The lateral join for ``embed``: per row above, an array of its rows, or the columns of the one spread row."""
        self.notes += [JOIN_NOTE, SPREAD_NOTE if embed.spread else ARRAY_NOTE]
        self.has_filtering_embed = self.has_filtering_embed or embed.inner
        own: EmbedLevels = [(path[1:], level) for path, level in levels if path and has_name(embed, path[0])]
        below = self._select(embed.items, embed.relation, self._unique_name(embed.relation), own, above)
        on: exp.Expression = exp.Boolean(this=True)
        if not embed.spread:
            row = identifier(self._unique_name(f"{embed.output_name}_row"))
            array = exp.Anonymous(this="json_agg", expressions=[exp.Column(this=exp.Star(), table=row)])
            inside = exp.Subquery(this=below, alias=exp.TableAlias(this=row.copy()))
            below = exp.Select(expressions=[exp.Alias(this=array, alias=identifier(EMBEDDED_ROWS))]).from_(inside)
            if embed.inner:
                embedded = exp.Column(this=identifier(EMBEDDED_ROWS), table=identifier(rows))
                on = exp.Not(this=exp.Is(this=embedded, expression=exp.Null()))
        lateral = exp.Lateral(this=exp.Subquery(this=below), alias=exp.TableAlias(this=identifier(rows)))
        return exp.Join(this=lateral, on=on, **({"kind": "INNER"} if embed.inner else {"side": "LEFT"}))

    def _note_unknown_embeds(self, levels: EmbedLevels, embeds: list[Embed]) -> None:
        for path, _ in levels:
            if path and not any(has_name(embed, path[0]) for embed in embeds):
                self.notes.append(f"PostgREST rejects parameters for '{path[0]}', which select does not embed here.")


def joined(operator: str, parts: list[exp.Expression]) -> exp.Expression:
    """``parts`` with AND or OR between them."""
    connector = exp.And if operator == "and" else exp.Or
    return reduce(lambda left, right: connector(this=left, expression=right), parts)


def has_name(embed: Embed, name: str) -> bool:
    """Whether a parameter may call the embed so."""
    return name in (embed.relation, embed.alias)


def tests_rows(where: Condition) -> bool:
    """Whether a filter on an embed's name tests whether it has rows."""
    return not where.field.path and (where.operator, where.value) == ("is", "null")


def _embed_columns(embed: Embed, rows: str) -> list[exp.Expression]:
    """The columns of an embed in the select list; none if the embed has no columns and serves as a filter only."""
    if not embed.items:
        return []
    if not embed.spread:
        embedded = exp.Column(this=identifier(EMBEDDED_ROWS), table=identifier(rows))
        array = exp.Anonymous(this="coalesce", expressions=[embedded, constant("[]")])
        return [exp.Alias(this=array, alias=identifier(embed.output_name))]
    return [exp.Column(this=exp.Star(), table=identifier(rows))]


def merged_level(levels: list[QueryLevel]) -> QueryLevel:
    """The level of one embed from all its parameters, which may use its name or its alias."""
    limits = [level.limit for level in levels if level.limit is not None]
    offsets = [level.offset for level in levels if level.offset is not None]
    return QueryLevel(
        (),
        tuple(where for level in levels for where in level.where),
        next((level.order for level in levels if level.order), ()),
        limits[-1] if limits else None,
        offsets[-1] if offsets else None,
    )
