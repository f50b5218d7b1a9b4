"""A read of many keys, each of them a condition other than ``column=eq.value``: a filter on an embed, a logic tree of
equalities, or a pattern.

Tests: tests/e2e/fixes/test_printed_lookups.py.
"""

from msgspec.structs import replace

from proxy.analysis.answer_shape import as_rows
from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.loops.batch_reasons import kept_reason
from proxy.fixes.loops.embed_filter_code import embed_filter_fix
from proxy.fixes.loops.pattern_code import pattern_fix
from proxy.fixes.loops.tree_code import EQUAL, tree_fix


def lookup_fix(calls: SimilarCalls, name: str, many: bool) -> Fix | None:
    """The read of all keys by a function ``name``; None if the condition that varies is none that code keeps."""
    if len(calls.others) != 1 or calls.keys or calls.parsed.method != "GET" or kept_reason(calls):
        return None
    path, _, last = calls.others[0].partition("=")[0].rpartition(".")
    if not path and last not in ("or", "and"):
        return pattern_fix(calls, name, many)
    rest = _without_varying(calls)
    if rest is None or calls.limit is not None:
        return None
    return embed_filter_fix(calls, name, rest, many) if path else tree_fix(calls, name, rest, many)


def lookup_columns(calls: SimilarCalls) -> list[str]:
    """What the function is named after."""
    param = calls.others[0] if calls.others else ""
    return list(dict.fromkeys(EQUAL.findall(param))) or [param.partition("=")[0]]


def _without_varying(calls: SimilarCalls) -> ParsedFingerprint | None:
    """The read without the condition that varies."""
    kept = [one for one in calls.parsed.rest if " ".join(one.removesuffix(".?").split()) != calls.others[0]]
    return replace(as_rows(calls.parsed), rest=tuple(kept)) if len(kept) == len(calls.parsed.rest) - 1 else None
