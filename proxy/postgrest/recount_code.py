"""Writes that are each followed by a list, as one write and one list, in the three languages."""

import msgspec

from proxy.postgrest.batch_code import batch_name, supabase_js, supabase_py
from proxy.postgrest.batch_sql import batch_sql
from proxy.postgrest.identifiers import camel_case, snake_case
from proxy.postgrest.read_code import read_js, read_py
from proxy.postgrest.read_sql import read_sql
from proxy.postgrest.shown import Shown, conflict_of
from proxy.postgrest.write_code import (
    batch_write_js,
    batch_write_py,
    row_write_js,
    row_write_py,
    rows_js,
    rows_py,
    write_name,
)
from proxy.postgrest.write_sql import batch_write_sql, row_write_sql, rows_sql


class Recount(msgspec.Struct, frozen=True):
    """What is written, read after it, and written elsewhere; with the columns that told one round from the other."""

    write: Shown
    key: str
    """Column that the written rows are told by; empty for inserts."""
    kind: str
    read: Shown
    by: str
    """Column that the lists are told by; empty where all rounds read one, or count."""
    by_kind: str
    then: Shown | None
    reads: int
    """Reads that are enough."""
    thens: int
    """Writes elsewhere that are enough."""

    @property
    def calls(self) -> int:
        return 1 + self.reads + self.thens


def recount_sql(recount: Recount) -> str:
    """The statements one after another."""
    if recount.key:
        parts = [batch_write_sql(recount.write, recount.key, recount.kind)]
    else:
        parts = [rows_sql(recount.write, conflict_of(recount.write))]
    if recount.then is not None:
        parts.append(row_write_sql(recount.then))
    parts.insert(1, batch_sql(recount.read, recount.by, recount.by_kind) if recount.by else read_sql(recount.read))
    return "\n".join(parts)


def recount_js(recount: Recount) -> str:
    """Functions for supabase-js, and how they are called."""
    if recount.key:
        parts = [batch_write_js(recount.write, recount.key, False)]
    else:
        parts = [rows_js(recount.write, conflict_of(recount.write), False)]
    parts.append(supabase_js(recount.read, recount.by, True) if recount.by else read_js(recount.read))
    if recount.then is not None:
        parts.append(row_write_js(recount.then))
    return "\n".join([*parts, *(f"// {line}" for line in _order(recount, js=True))])


def recount_py(recount: Recount) -> str:
    """The same for supabase-py."""
    if recount.key:
        parts = [batch_write_py(recount.write, recount.key)]
    else:
        parts = [rows_py(recount.write, conflict_of(recount.write))]
    parts.append(supabase_py(recount.read, recount.by, True) if recount.by else read_py(recount.read))
    if recount.then is not None:
        parts.append(row_write_py(recount.then))
    return "\n".join([*parts, *(f"# {line}" for line in _order(recount, js=False))])


def _order(recount: Recount, js: bool) -> list[str]:
    name = batch_name(recount.read.relation, recount.by) if recount.by else camel_case("read " + recount.read.relation)
    steps = [(write_name(recount.write, recount.key), "all rows at once"), (name, "once, when all are written")]
    if recount.then is not None:
        steps.append((write_name(recount.then, ""), "the result, once"))
    call = "await {}(…)" if js else "{}(…)"
    return [f"{call.format(step if js else snake_case(step))}: {when}" for step, when in steps]
