"""Code of one write and one read, in place of many writes that are each followed by a read of a list."""

from collections.abc import Callable

import msgspec

from proxy.analysis.patterns.varying import SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.clients.identifiers import camel_case, snake_case
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.loops.batch_code import batch_fix, name_of
from proxy.fixes.reads.read_code import read_js, read_py
from proxy.fixes.sql.read import read_sql
from proxy.fixes.writes.write_code import write_name
from proxy.fixes.writes.write_fix import write_fix
from proxy.postgrest.database_facts import DatabaseFacts


class Recount(msgspec.Struct, frozen=True):
    """The write, the read after it and the optional write of its result."""

    write: SimilarCalls
    """Without keys for inserts."""
    read: SimilarCalls
    """Without keys if all rounds read the same list, or count it."""
    many: bool
    """Whether a key of the read may have several rows."""
    result_write: SimilarCalls | None
    reads: int
    """Number of reads after the fix."""
    result_writes: int
    """Number of result writes after the fix."""
    lists: int = 1
    """Number of different lists that were read."""

    @property
    def calls(self) -> int:
        return 1 + self.reads + self.result_writes


def recount_fix(recount: Recount, facts: DatabaseFacts) -> Fix:
    """The statements and functions in their order, with their calls in comments. A part that lacks a step is empty."""
    fixes = [write_fix(recount.write, facts, own=False), _read_fix(recount)]
    if recount.result_write is not None:
        fixes.append(write_fix(recount.result_write, facts))
    return Fix(
        sql=_whole(fixes, lambda fix: fix.sql, []),
        supabase_js=_whole(fixes, lambda fix: fix.supabase_js, [f"// {line}" for line in _calls(recount, js=True)]),
        supabase_py=_whole(fixes, lambda fix: fix.supabase_py, [f"# {line}" for line in _calls(recount, js=False)]),
        reason=" ".join(dict.fromkeys(fix.reason for fix in fixes if fix.reason)),
    )


def _read_fix(recount: Recount) -> Fix:
    read = recount.read
    if read.keys:
        return batch_fix(read, recount.many)
    parsed = read.parsed
    return printable_fix([parsed], lambda: read_sql(parsed), lambda: read_js(parsed), lambda: read_py(parsed))


def _whole(fixes: list[Fix], part: Callable[[Fix], str], calls: list[str]) -> str:
    texts = [part(fix) for fix in fixes]
    return "\n".join([*texts, *calls]) if all(texts) else ""


def _name(calls: SimilarCalls) -> str:
    return write_name(calls.parsed, [key.column for key in calls.keys], calls.preferences)


def _calls(recount: Recount, js: bool) -> list[str]:
    read = recount.read
    name = name_of(read) if read.keys else camel_case(f"read {read.parsed.relation}")
    again = "" if read.keys or recount.lists == 1 else f" for each of the {recount.lists} lists"
    steps = [(_name(recount.write), "writes all rows"), (name, f"reads once{again}, after the write")]
    if recount.result_write is not None:
        results = "" if recount.result_writes == 1 else f" for each of {recount.result_writes} rows"
        steps.append((_name(recount.result_write), f"writes the result once{results}"))
    call = "await {}(…)" if js else "{}(…)"
    return [f"{call.format(step if js else snake_case(step))}: {when}" for step, when in steps]
