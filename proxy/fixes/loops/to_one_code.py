"""The earlier read with the row that each of its rows refers to: in place of a loop that reads these one by one.

The application keeps its read and gets one member more: the call of the loop costs nothing any more.
"""

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.analysis.values.joins import Join
from proxy.fixes.clients.chain_code import select_items, select_with, unsupported_params
from proxy.fixes.clients.identifiers import camel_case
from proxy.fixes.reads.read_code import read_js, read_py


def is_to_one(calls: SimilarCalls, join: Join) -> bool:
    """Whether an embed in the earlier read has the rows of the loop: its answer had all keys, both are plain reads, and
    the loop filters by nothing else.
    """
    names = {item.output_name for item in select_items(join.first.select) or ()}
    return (
        not join.owned
        and join.shown
        and calls.parsed.method == join.first.method == "GET"
        and [*calls.parsed.filters] == [*calls.keys]
        and (not calls.parsed.rest or (calls.parsed.rest == ("limit=?",) and bool(calls.limit)))
        and not unsupported_params(join.first)
        and names.isdisjoint({calls.parsed.relation})
        and bool(names)
    )


def to_one_name(calls: SimilarCalls, join: Join) -> str:
    """``readBooksWithAuthors``."""
    return camel_case(f"read {join.relation} with {calls.parsed.relation}")


def to_one_js(calls: SimilarCalls, join: Join) -> str:
    """A supabase-js function that makes the earlier read with the embed."""
    return read_js(_with_embed(calls, join), to_one_name(calls, join))


def to_one_py(calls: SimilarCalls, join: Join) -> str:
    """The same for supabase-py."""
    return read_py(_with_embed(calls, join), to_one_name(calls, join))


def _with_embed(calls: SimilarCalls, join: Join) -> ParsedFingerprint:
    select = f"{select_with(join.first.select, [join.column])},{join.embed}({calls.parsed.select})"
    return replace(join.first, select=select)
