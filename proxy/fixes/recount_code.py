"""Writes that are each followed by a list, as one write and one list, in the three languages."""

import msgspec

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.batch_code import batch_js, batch_name, batch_py
from proxy.fixes.identifiers import camel_case, snake_case
from proxy.fixes.read_code import read_js, read_py
from proxy.fixes.sql.batch import batch_sql
from proxy.fixes.sql.read import read_sql
from proxy.fixes.sql.write import batch_write_sql, row_write_sql
from proxy.fixes.write_code import batch_write_js, batch_write_py, row_write_js, row_write_py, write_name


class Recount(msgspec.Struct, frozen=True):
    """What is written, read after it, and written elsewhere; with the columns that told one round from the other."""

    write: ParsedFingerprint
    key: str
    """Column that the written rows are told by; empty for inserts."""
    kind: str
    read: ParsedFingerprint
    by: str
    """Column that the lists are told by; empty where all rounds read one, or count."""
    by_kind: str
    then: ParsedFingerprint | None
    reads: int
    """Reads that are enough."""
    thens: int
    """Writes elsewhere that are enough."""

    @property
    def calls(self) -> int:
        return 1 + self.reads + self.thens


def recount_sql(recount: Recount) -> str:
    """The statements one after another."""
    write, key, read, by, then = recount.write, recount.key, recount.read, recount.by, recount.then
    parts = [
        batch_write_sql(write, key, recount.kind) if key else row_write_sql(write),
        batch_sql(read, by, recount.by_kind) if by else read_sql(read),
        *([row_write_sql(then)] if then else []),
    ]
    return "\n".join(parts)


def recount_js(recount: Recount) -> str:
    """Functions for supabase-js, and how they are called."""
    write, key, read, by, then = recount.write, recount.key, recount.read, recount.by, recount.then
    parts = [
        batch_write_js(write, key, False) if key else row_write_js(write),
        batch_js(read, by, True) if by else read_js(read),
        *([row_write_js(then)] if then else []),
    ]
    return "\n".join([*parts, *(f"// {line}" for line in _order(recount, js=True))])


def recount_py(recount: Recount) -> str:
    """The same for supabase-py."""
    write, key, read, by, then = recount.write, recount.key, recount.read, recount.by, recount.then
    parts = [
        batch_write_py(write, key) if key else row_write_py(write),
        batch_py(read, by, True) if by else read_py(read),
        *([row_write_py(then)] if then else []),
    ]
    return "\n".join([*parts, *(f"# {line}" for line in _order(recount, js=False))])


def _order(recount: Recount, js: bool) -> list[str]:
    name = batch_name(recount.read.relation, recount.by) if recount.by else camel_case("read " + recount.read.relation)
    steps = [(write_name(recount.write, recount.key), "all rows at once"), (name, "once, when all are written")]
    if recount.then is not None:
        steps.append((write_name(recount.then, ""), "the result, once"))
    call = "await {}(…)" if js else "{}(…)"
    return [f"{call.format(step if js else snake_case(step))}: {when}" for step, when in steps]
