"""Formats an explanation as text, with control characters escaped for a terminal, or as JSON."""

import json
from collections.abc import Iterable, Iterator

import msgspec

from proxy.explain.facts import Explanation, IdentityFacts, MergingFacts
from proxy.explain.keys import ALONE, MERGES, MergeWay
from proxy.postgrest.request.api_request import ApiRequest, OrderTerm, QueryLevel
from proxy.postgrest.request.conditions import Condition, Where
from proxy.postgrest.request.select_list import Embed, SelectItem
from proxy.sql.statement import Sql
from proxy.text.terminal import safe

WIDTH = 13
"""Width of a label, in characters."""


def lines(explanation: Explanation, plan: Iterable[str] = ()) -> Iterator[str]:
    """The lines of the explanation; those of its ``plan`` follow the SQL."""
    for line in _lines(explanation, plan):
        yield safe(line).rstrip()


def to_json(explanation: Explanation, plan: msgspec.Struct | None = None) -> str:
    """The explanation as JSON in ASCII, with its ``plan``; the keys of embeds are their names joined with dots."""
    fields = msgspec.to_builtins(msgspec.structs.replace(explanation, asks=None))
    if explanation.asks is not None:
        levels = {".".join(path): level for path, level in explanation.asks.levels.items()}
        fields["asks"] = {**_members(explanation.asks), "levels": msgspec.to_builtins(levels)}
    if plan is not None:
        fields["plan"] = msgspec.to_builtins(plan)
    return json.dumps(fields, indent=2)


def _members(request: ApiRequest) -> dict[str, object]:
    names = (name for name in request.__struct_fields__ if name not in ("levels", "embed_params"))
    return {name: msgspec.to_builtins(getattr(request, name)) for name in names}


def _lines(explanation: Explanation, plan: Iterable[str]) -> Iterator[str]:
    yield f"{explanation.method} {explanation.target}"
    yield _row("  merges", _verdict(explanation.merging))
    yield from _request(explanation)
    yield ""
    yield from _sql(explanation.sql, explanation.asks)
    yield from plan
    yield _row("Fingerprint", explanation.fingerprint)
    yield ""
    yield from _identity(explanation.identity)
    yield ""
    yield from _merging(explanation.merging)
    for at, line in enumerate(explanation.prefetch):
        yield _row("" if at else "Prefetching", line)
    for at, line in enumerate(explanation.cache):
        yield _row("" if at else "Cache", line)
    for at, line in enumerate(explanation.write):
        yield _row("" if at else "Merged write", line)


def _row(label: str, text: str) -> str:
    return f"{label:<{WIDTH}}{text}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "–"


# The request.


def _request(explanation: Explanation) -> Iterator[str]:
    request = explanation.asks
    if request is None:
        yield _row("  relation", f"none: the path is not one segment of UTF-8 text under the mount {explanation.mount}")
        return
    schema = request.schema or "the first of catalog.schemas, since there is no profile header"
    yield _row("  relation", f"{explanation.relation} (schema: {schema})")
    if request.method in ("GET", "HEAD") or request.items:
        yield _row("  select", ", ".join(map(_item, request.items)) or "*")
    for level in request.levels.values():
        yield from _level(level)
    for label, names in (("  columns", request.columns), ("  on_conflict", request.on_conflict)):
        if names:
            yield _row(label, " " + ", ".join(names))
    if request.range:
        yield _row("  Range", request.range)


def _level(level: QueryLevel) -> Iterator[str]:
    at = f" of {'.'.join(level.path)}" if level.path else ""
    for where in level.where:
        yield _row("  filter", _where(where) + at)
    if level.order:
        yield _row("  order", ", ".join(map(_order, level.order)) + at)
    for label, value in (("  limit", level.limit), ("  offset", level.offset)):
        if value is not None:
            yield _row(label, value + at)


def _item(item: SelectItem | Embed) -> str:
    if isinstance(item, Embed):
        marks = [item.hint] if item.hint else []
        marks += ["inner"] if item.inner else []
        inside = ", ".join(map(_item, item.items))
        name = "..." * item.spread + (f"{item.alias}:" if item.alias else "") + "!".join([item.relation, *marks])
        return f"{name}({inside})"
    alias = f"{item.alias}:" if item.alias else ""
    counts = item.aggregate == "count" and item.field.name == "*"
    name = "count()" if counts else str(item.field) + (f"::{item.cast}" if item.cast else "")
    aggregate = f".{item.aggregate}()" if item.aggregate and not counts else ""
    return alias + name + aggregate + (f"::{item.aggregate_cast}" if item.aggregate_cast else "")


def _where(where: Where) -> str:
    if not isinstance(where, Condition):
        inside = f" {where.operator} ".join(map(_where, where.parts))
        return f"not ({inside})" if where.negated else f"({inside})"
    argument = f"({where.argument})" if where.argument else ""
    value = "(" + ", ".join(map(repr, where.values)) + ")" if where.operator == "in" else repr(where.value)
    if where.operator == "is":
        value = where.value
    return f"{where.field} {'not ' * where.negated}{where.operator}{argument} {value}"


def _order(order: OrderTerm) -> str:
    name = f"{order.relation}({order.field})" if order.relation else str(order.field)
    nulls = f"nulls {order.nulls}" if order.nulls else ""
    return " ".join(word for word in (name, order.direction, nulls) if word)


def _sql(sql: Sql, request: ApiRequest | None) -> Iterator[str]:
    if request is None:
        return
    yield "SQL"
    yield from (f"  -- {note}" for note in sql.notes)
    yield from (f"  {line}" for line in sql.statement.splitlines())
    yield ""


# Identity and merging.


def _identity(identity: IdentityFacts) -> Iterator[str]:
    yield _row("Identity", f"compared byte by byte: {_list(identity.compared)}")
    yield _row("", f"neutral, may differ: {_list(identity.neutral)}")
    yield _row("", f"not forwarded: {_list(identity.dropped)}")
    trace = f"named by {identity.trace}" if identity.trace else "inferred from caller and timing: no header names it"
    yield _row("", f"trace: {trace}")
    if identity.may_differ:
        setting = ", ".join(f'"{name}"' for name in identity.also_neutral)
        yield _row(
            "", f"if {_list(identity.may_differ)} differ from call to call, nothing merges; if no SQL reads them, set"
        )
        yield _row("", f"identity.also_neutral = [{setting}]")


def _verdict(merging: MergingFacts) -> str:
    if merging.bypass is not None:
        return f"no: {merging.bypass.code}"
    if merging.verdict == ALONE:
        return "no: there is no such relation"
    limited = ", if no key has more rows than its limit" if merging.limited else ""
    return f"yes{limited}" if merging.verdict == MERGES else f"depends on types that are not known here{limited}"


def _merging(merging: MergingFacts) -> Iterator[str]:
    bypass_reason = merging.bypass
    yield _row("Merging", _verdict(merging) if bypass_reason is None else f"{bypass_reason.code}: {bypass_reason.text}")
    if bypass_reason is not None:
        yield _row("", f"To change that: {bypass_reason.remedy}")
    for way in merging.ways:
        yield from _way(way)
    yield from (_row("  note", note) for note in merging.notes)


def _way(way: MergeWay) -> Iterator[str]:
    yield _row("  key", f"{way.column}={way.filter}")
    if way.call:
        yield _row("    with", way.others)
    yield _row("    type", way.types)
    if way.asked:
        yield _row("", f"fanin looks up: {', '.join(way.asked)} (in the catalog, or with one request to PostgREST)")
    yield _row("    rows", f"several per key: {way.ties.text}")
    if way.call:
        assumption = f", if {way.supposed}" if way.supposed else ""
        yield _row("    call", f"with {way.column}={way.sibling}{assumption}:")
        yield _row("", f"GET {way.call}")
