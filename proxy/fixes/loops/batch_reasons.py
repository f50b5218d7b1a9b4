"""Why no read of many keys returns what a loop of reads returned."""

from collections.abc import Iterator

from msgspec.structs import replace

from proxy.analysis.answer_shape import STRIPPED
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.fixes.clients.chain_code import client_reason, select_items, unsupported_params
from proxy.postgrest.request.select_list import SelectItem

OWN_RESULT = "No batch read: each call aggregates its own rows."
NOT_EXACT = "No batch read: the calls ask for no exact count, only whether there are rows, or about how many."
COUNTED = "No batch read: each call counts all rows of its key, and returns only some of them."
BY_POSITION = "No batch read: each call reads rows by position (offset, Range, or a limit of its own)."
STRIPPED_NULLS = "No batch read: the calls leave out nulls (nulls=stripped), by which their rows would be told apart."
OF_ARRAYS = "No batch read: the key is an array, and PostgREST takes no list (in) of arrays."
NO_GRAMMAR = "No batch read: PostgREST's grammar of select does not cover the columns."


def batch_reason(calls: SimilarCalls) -> str:
    """Why no read of all keys returns what the calls returned; empty if one does."""
    return next(_reasons(calls), "")


def kept_reason(calls: SimilarCalls) -> str:
    """Why no read of all keys returns it, whatever varies; empty if that alone matters."""
    return next(_reasons(replace(calls, others=())), "")


def _reasons(calls: SimilarCalls) -> Iterator[str]:
    counts = calls.parsed.method == "HEAD"
    items = select_items(calls.parsed.select)
    if calls.others:
        yield _no_list(calls)
    if counts and not calls.counted:
        yield NOT_EXACT
    if not counts and calls.counted and calls.limit is not None:
        yield COUNTED
    if calls.paged or (counts and calls.limit is not None):
        yield BY_POSITION
    if STRIPPED in calls.parsed.media:
        yield STRIPPED_NULLS
    if items is None:
        yield NO_GRAMMAR
    if any(isinstance(item, SelectItem) and item.aggregate for item in items or ()):
        yield OWN_RESULT
    yield from _of_keys(calls)
    if unsupported := client_reason(unsupported_params(calls.parsed)):
        yield unsupported.replace("No client code", "No batch read")


def _of_keys(calls: SimilarCalls) -> Iterator[str]:
    """Why the keys make no list."""
    columns = [key.column for key in calls.keys]
    if calls.kinds == ("array",):
        yield OF_ARRAYS
    if len(set(columns)) < len(columns) or any("." in column for column in columns):
        yield f"No batch read: {', '.join(columns)} is not one value of each row."


def _no_list(calls: SimilarCalls) -> str:
    """Why no list of values stands for the parameters that vary, and what may instead."""
    names = ", ".join(calls.others)
    if calls.keys:
        return f"No batch read: the calls differ in {names} too, for which no list can stand."
    return f"No batch read: the calls differ in {names}, for which no list can stand.{_instead(calls)}"


def _instead(calls: SimilarCalls) -> str:
    """A sentence about a read to write by hand; empty if several parameters vary."""
    name, _, shape = calls.others[0].partition("=")
    path, _, last = name.rpartition(".")
    if len(calls.others) > 1:
        return ""
    if last in ("or", "and"):
        return " One or=(…) of the conditions of all calls returns their rows; the columns tell which call's they are."
    if path and shape == "eq":
        return (
            f" It is a column of the embed {path}, not of {calls.parsed.name}: read the relation of {path} by"
            f" {last}=in.(…), with {calls.parsed.relation} embedded in it."
        )
    if shape in ("like", "ilike"):
        return " One or=(…) of all patterns returns the rows, but not which pattern a row was for."
    return ""
