"""The statements of ``pg_stat_statements``: PostgREST's, joined to fingerprints, and those of others, apart."""

from collections.abc import Iterable, Sequence

import msgspec

from proxy.audit.report import StatementUsage

LONGEST = 300
"""Characters of a statement of others that are shown."""
DATA = ("select", "insert", "update", "delete", "merge", "with", "values")
"""First words of statements whose constants Postgres replaces; others, such as ALTER ROLE, may have secrets in them."""
UTILITY = "(a statement that neither reads nor writes rows)"


class RunCalls(msgspec.Struct, frozen=True):
    """The calls of a statement by one role. ``fingerprint`` is empty, and ``why`` says why, if it could not be read."""

    text: str
    role: str
    calls: int
    milliseconds: float
    rows: int
    postgrest: bool
    fingerprint: str = ""
    why: str = ""


def statement_usages(run: Iterable[RunCalls], top: int) -> tuple[StatementUsage, ...]:
    """The ``top`` statements of PostgREST and the ``top`` of others, by their time."""
    groups: dict[tuple[bool, str, str, str], list[RunCalls]] = {}
    for one in run:
        text = "" if one.fingerprint else _shown(one.text)
        groups.setdefault((not one.postgrest, one.fingerprint, text, one.why), []).append(one)
    usages = [_usage(*key, same) for key, same in groups.items()]
    usages.sort(key=lambda one: (-one.total, one.fingerprint, one.text))
    ours = [one for one in usages if one.postgrest][:top]
    return (*ours, *[one for one in usages if not one.postgrest][:top])


def _usage(other: bool, fingerprint: str, text: str, why: str, same: Sequence[RunCalls]) -> StatementUsage:
    calls, total = sum(one.calls for one in same), sum(one.milliseconds for one in same)
    return StatementUsage(
        postgrest=not other,
        fingerprint=fingerprint,
        text=text,
        roles=tuple(sorted({one.role for one in same})),
        calls=calls,
        total=round(total, 3),
        mean=round(total / calls, 3) if calls else 0.0,
        rows=sum(one.rows for one in same),
        why=why,
    )


def _shown(text: str) -> str:
    words = text.split()
    if not words or words[0].lower() not in DATA:
        return UTILITY
    short = " ".join(words)
    return short if len(short) <= LONGEST else short[:LONGEST] + "…"
