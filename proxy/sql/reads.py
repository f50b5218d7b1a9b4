"""A read as SQL: a SELECT, and a lateral one within it for each embed."""

from functools import reduce

from sqlglot import exp

from proxy.postgrest.request.api_request import ApiRequest, Level, OrderTerm
from proxy.postgrest.request.conditions import Condition, Tree, Where
from proxy.postgrest.request.grammar import FieldPath
from proxy.postgrest.request.row_range import row_range
from proxy.postgrest.request.select_list import Embed, Item, Items
from proxy.sql.expressions import column, condition, constant, identifier, ordered, selected

JSON_TYPES = frozenset(("json", "jsonb"))
STAR = Item(FieldPath("*"))
EMBEDDED_ROWS = "found"
"""The array of embedded rows."""

JOIN_NOTE = (
    "foreign_key(a, b) stands for the condition that joins a and b, as the catalog has it, maybe through a third table."
)
ARRAY_NOTE = (
    "Embedded rows are shown as an array here; where the key leads to one row, PostgREST shows that row, or null."
)
SPREAD_NOTE = "What '...' spreads comes from one row: where the key leads to several, PostgREST 12 refuses the request."
AGGREGATE_NOTE = "Aggregates are refused unless PostgREST's db-aggregates-enabled is set."
TO_JSON_NOTE = (
    "A path is read from to_jsonb(column) where the column is neither json nor jsonb; --type tells which it is."
)
SEARCH_NOTE = "PostgREST 13 and later search in to_tsvector(column) where the column is no tsvector."

EmbedLevels = list[tuple[tuple[str, ...], Level]]
"""What is asked of the relation and of embeds, each with the names that are left of its path."""
Embeds = list[tuple[Embed, str]]
"""Embeds, each with the name of its rows."""


class ReadStatement:
    """Writes SELECTs for one request, and notes what they simplify."""

    def __init__(self, asked: ApiRequest, types: dict[str, str]) -> None:
        self.notes: list[str] = []
        self.has_filtering_embed = False
        """Whether an embed bears on which rows there are."""
        self._request = asked
        self._types = types
        self._used_names = {asked.relation}

    def root(self) -> exp.Select:
        """The whole read."""
        levels: EmbedLevels = [(level.path, level) for level in self._request.levels.values()]
        return self._select(self._request.items or (STAR,), self._request.relation, self._request.relation, levels, "")

    def table(self) -> exp.Expression:
        """The relation that is asked for, with its schema where the request names one."""
        return self._table(self._request.relation, self._request.relation)

    def conditions(self) -> list[exp.Expression]:
        """The filters on the relation itself, for a statement without embeds."""
        return [self._where(one, self._request.relation, {}, True) for one in self._request.root.where]

    def columns(self, items: Items) -> list[exp.Expression]:
        """Columns of the relation itself, as they are selected."""
        return [self._selected(item, self._request.relation, True) for item in items if isinstance(item, Item)]

    # Parts of a SELECT. A table goes by its name in the statement; `is_root` tells whether types are known of it.

    def _select(self, items: Items, relation: str, table: str, levels: EmbedLevels, above: str) -> exp.Select:
        """``above`` is the table whose rows these are embedded in; empty for the whole."""
        level = _merged_level([level for path, level in levels if not path])
        embeds = [(item, self._unique_name(f"{item.output_name}_rows")) for item in items if isinstance(item, Embed)]
        self._note_unknown_embeds(levels, [embed for embed, _ in embeds])
        selects = [self._selected(item, table, not above) for item in items if isinstance(item, Item)]
        selects += [shown for embed, rows in embeds for shown in _embed_columns(embed, rows)]
        query = exp.Select(expressions=selects or [exp.Literal.number(1)]).from_(self._table(relation, table))
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

    def _unique_name(self, wanted: str) -> str:
        """A name that nothing else in the statement has."""
        name, number = wanted, 2
        while name in self._used_names:
            name, number = f"{wanted}_{number}", number + 1
        self._used_names.add(name)
        return name

    def _selected(self, item: Item, table: str, is_root: bool) -> exp.Expression:
        return selected(item, table, self._is_json(item.field, is_root))

    def _is_json(self, field: FieldPath, is_root: bool) -> bool:
        """Whether a path is read from the column as it is."""
        known = self._types.get(field.name) if is_root else None
        if field.path and known is None:
            self.notes.append(TO_JSON_NOTE)
        return known is None or known in JSON_TYPES

    def _set_where(self, query: exp.Select, level: Level, table: str, embeds: Embeds, above: str) -> None:
        keys = [exp.Column(this=identifier(name)) for name in (table, above)]
        tests: list[exp.Expression] = [exp.Anonymous(this="foreign_key", expressions=keys)] if above else []
        names = {name: rows for embed, rows in embeds for name in (embed.relation, embed.alias) if name}
        tests += [self._where(one, table, names, not above) for one in level.where]
        if tests:
            query.set("where", exp.Where(this=joined("and", tests)))

    def _where(self, asked: Where, table: str, embeds: dict[str, str], is_root: bool) -> exp.Expression:
        """A filter or a tree of them; ``embeds`` by the names under which a filter may test whether they have rows."""
        if isinstance(asked, Tree):
            parts = [self._where(part, table, embeds, is_root) for part in asked.parts]
            tree = exp.Paren(this=joined(asked.operator, parts))
            return exp.Not(this=tree) if asked.negated else tree
        rows = embeds.get(asked.field.name)
        if rows is not None and _tests_rows(asked):
            self.has_filtering_embed = True
            return condition(asked, exp.Column(this=identifier(EMBEDDED_ROWS), table=identifier(rows)))
        if asked.operator.endswith("fts"):
            self.notes.append(SEARCH_NOTE)
        return condition(asked, column(asked.field, table, self._is_json(asked.field, is_root)))

    def _set_group(self, query: exp.Select, items: Items, table: str) -> None:
        """Whatever is no aggregate is grouped by; a name of ``select`` goes by that."""
        plain = [item for item in items if isinstance(item, Item)]
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

    def _set_order(self, query: exp.Select, level: Level, table: str, is_root: bool) -> None:
        items = [self._ordered(item, table, is_root) for item in level.order if not item.relation]
        for item in level.order:
            if item.relation:
                self.notes.append(f"The order by {item.relation}({item.field}), a column of an embed, is left out.")
        if items:
            query.set("order", exp.Order(expressions=items))

    def _ordered(self, item: OrderTerm, table: str, is_root: bool) -> exp.Expression:
        return ordered(item, column(item.field, table, self._is_json(item.field, is_root)))

    def _set_range(self, query: exp.Select, level: Level, is_root: bool) -> None:
        header = self._request.range if is_root and self._request.method == "GET" else ""
        rows = row_range(level.limit, level.offset, header)
        self.notes += rows.notes
        if rows.limit is not None:
            query.set("limit", exp.Limit(expression=exp.Literal.number(rows.limit)))
        if rows.offset:
            query.set("offset", exp.Offset(expression=exp.Literal.number(rows.offset)))

    # Embeds.

    def _join(self, embed: Embed, rows: str, above: str, levels: EmbedLevels) -> exp.Join:
        """Rows of ``embed`` for each row above: one array of them, or the columns of the one row to be spread."""
        self.notes += [JOIN_NOTE, SPREAD_NOTE if embed.spread else ARRAY_NOTE]
        self.has_filtering_embed = self.has_filtering_embed or embed.inner
        own: EmbedLevels = [(path[1:], level) for path, level in levels if path and _has_name(embed, path[0])]
        below = self._select(embed.items, embed.relation, self._unique_name(embed.relation), own, above)
        on: exp.Expression = exp.Boolean(this=True)
        if not embed.spread:
            row = identifier(self._unique_name(f"{embed.output_name}_row"))
            array = exp.Anonymous(this="json_agg", expressions=[exp.Column(this=exp.Star(), table=row)])
            inside = exp.Subquery(this=below, alias=exp.TableAlias(this=row.copy()))
            below = exp.Select(expressions=[exp.Alias(this=array, alias=identifier(EMBEDDED_ROWS))]).from_(inside)
            if embed.inner:
                found = exp.Column(this=identifier(EMBEDDED_ROWS), table=identifier(rows))
                on = exp.Not(this=exp.Is(this=found, expression=exp.Null()))
        lateral = exp.Lateral(this=exp.Subquery(this=below), alias=exp.TableAlias(this=identifier(rows)))
        return exp.Join(this=lateral, on=on, **({"kind": "INNER"} if embed.inner else {"side": "LEFT"}))

    def _note_unknown_embeds(self, levels: EmbedLevels, embeds: list[Embed]) -> None:
        for path, _ in levels:
            if path and not any(_has_name(embed, path[0]) for embed in embeds):
                self.notes.append(f"PostgREST refuses what is asked of '{path[0]}', which select does not embed here.")


def joined(operator: str, parts: list[exp.Expression]) -> exp.Expression:
    """``parts`` with AND or OR between them."""
    connector = exp.And if operator == "and" else exp.Or
    return reduce(lambda left, right: connector(this=left, expression=right), parts)


def _has_name(embed: Embed, name: str) -> bool:
    return name in (embed.relation, embed.alias)


def _tests_rows(asked: Condition) -> bool:
    return not asked.field.path and (asked.operator, asked.value) == ("is", "null")


def _embed_columns(embed: Embed, rows: str) -> list[exp.Expression]:
    """What ``select`` shows of an embed; one without columns is there to be tested only."""
    if not embed.items:
        return []
    if not embed.spread:
        found = exp.Column(this=identifier(EMBEDDED_ROWS), table=identifier(rows))
        array = exp.Anonymous(this="coalesce", expressions=[found, constant("[]")])
        return [exp.Alias(this=array, alias=identifier(embed.output_name))]
    return [exp.Column(this=exp.Star(), table=identifier(rows))]


def _merged_level(levels: list[Level]) -> Level:
    """What is asked of one embed, which parameters may call by its name and by its alias."""
    limits = [level.limit for level in levels if level.limit is not None]
    offsets = [level.offset for level in levels if level.offset is not None]
    return Level(
        (),
        tuple(one for level in levels for one in level.where),
        next((level.order for level in levels if level.order), ()),
        limits[-1] if limits else None,
        offsets[-1] if offsets else None,
    )
