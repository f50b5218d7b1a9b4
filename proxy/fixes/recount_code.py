"""Code of one write and one read, in place of many writes that are each followed by a read of a list."""

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
    """The write, the read after it and the optional write of its result, with the columns that vary per round."""

    write: ParsedFingerprint
    key: str
    """Key column of the written rows; empty for inserts."""
    key_kind: str
    """Literal class of ``key``."""
    read: ParsedFingerprint
    read_key: str
    """Key column of the lists; empty if all rounds read the same list, or count it."""
    read_key_kind: str
    """Literal class of ``read_key``."""
    result_write: ParsedFingerprint | None
    reads: int
    """Number of reads after the fix."""
    result_writes: int
    """Number of result writes after the fix."""
    lists: int = 1
    """Number of different lists that were read."""

    @property
    def calls(self) -> int:
        return 1 + self.reads + self.result_writes


def recount_sql(recount: Recount) -> str:
    """The statements in their order."""
    write, key, result_write = recount.write, recount.key, recount.result_write
    read, read_key = recount.read, recount.read_key
    parts = [
        batch_write_sql(write, key, recount.key_kind) if key else row_write_sql(write),
        batch_sql(read, read_key, recount.read_key_kind) if read_key else read_sql(read),
        *([row_write_sql(result_write)] if result_write else []),
    ]
    return "\n".join(parts)


def recount_js(recount: Recount) -> str:
    """The supabase-js functions, with their calls in comments."""
    write, key, result_write = recount.write, recount.key, recount.result_write
    read, read_key = recount.read, recount.read_key
    parts = [
        batch_write_js(write, key, False) if key else row_write_js(write),
        batch_js(read, read_key, True) if read_key else read_js(read),
        *([row_write_js(result_write)] if result_write else []),
    ]
    return "\n".join([*parts, *(f"// {line}" for line in _calls(recount, js=True))])


def recount_py(recount: Recount) -> str:
    """The same for supabase-py."""
    write, key, result_write = recount.write, recount.key, recount.result_write
    read, read_key = recount.read, recount.read_key
    parts = [
        batch_write_py(write, key) if key else row_write_py(write),
        batch_py(read, read_key, True) if read_key else read_py(read),
        *([row_write_py(result_write)] if result_write else []),
    ]
    return "\n".join([*parts, *(f"# {line}" for line in _calls(recount, js=False))])


def _calls(recount: Recount, js: bool) -> list[str]:
    relation, key = recount.read.relation, recount.read_key
    name = batch_name(relation, key) if key else camel_case(f"read {relation}")
    steps = [(write_name(recount.write, recount.key), "writes all rows"), (name, "reads once, after the write")]
    if recount.result_write is not None:
        steps.append((write_name(recount.result_write, ""), "writes the result once"))
    call = "await {}(…)" if js else "{}(…)"
    return [f"{call.format(step if js else snake_case(step))}: {when}" for step, when in steps]
