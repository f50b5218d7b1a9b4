"""Which reads of a set-up merge, and why others do not: reads by primary and by foreign key of each relation."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

import msgspec

from proxy.doctor.diagnosis import Diagnosis, SettingChange, SetupCheck
from proxy.doctor.openapi import ServedRelation
from proxy.explain.facts import explain
from proxy.explain.keys import MERGES
from proxy.explain.request import RequestError, read_columns, read_request
from proxy.model import Column
from proxy.postgrest.catalog import Catalog
from proxy.settings.model import Settings

MAX_RELATIONS = 200
MAX_NAMED = 6
"""Relations that a line names."""
UUID = "00000000-0000-4000-8000-000000000000"
LITERALS = {"uuid": UUID, "integer": "1", "bigint": "1", "smallint": "1", "date": "2020-01-01", "boolean": "true"}
"""A literal per type; all others get ``a``."""
ORDER = "give them an order that ends in a unique column"


class JudgedRead(msgspec.Struct, frozen=True):
    """A read by a key, and what fanin does with many of its kind."""

    relation: str
    verdict: str
    why: str
    """Why it does not merge, or merges only for some; empty if it merges."""
    is_order: bool = False
    """Whether it does not merge because its rows have no order."""


def merge_checks(
    relations: Sequence[ServedRelation], settings: Settings, mount: str, catalog: Catalog | None
) -> Diagnosis:
    """What merges. ``catalog`` is None without ``db_uri``."""
    if not relations:
        text = "PostgREST describes no relation to this role"
        return Diagnosis(
            (SetupCheck("merging", "unknown", text, "give -H 'Authorization: …' of a role that may read"),)
        )
    shown = relations[:MAX_RELATIONS]
    by_key = [_judged(one, column, settings, mount, catalog) for one in shown for column in one.primary[:1]]
    by_reference = [_judged(one, column, settings, mount, catalog) for one in shown for column in one.foreign]
    order = f'{ORDER}, or set merge.ties = "physical"' if settings.merge.ties == "none" else ORDER
    checks = (*_lines("reads by key", by_key, order), *_lines("lists by key", by_reference, order))
    return Diagnosis(checks, tuple(_changes(by_reference, settings)))


def _judged(
    relation: ServedRelation, column: str, settings: Settings, mount: str, catalog: Catalog | None
) -> JudgedRead:
    """What `GET /relation?select=*&column=eq.literal` is to fanin."""
    kind = relation.types.get(column, "")
    literal = LITERALS.get(kind, "a")
    prefix = "" if mount == "/" else mount
    request = f"GET {prefix}/{quote(relation.name, safe='')}?select=*&{quote(column, safe='')}=eq.{literal}"
    try:
        known = _columns(relation, column, kind) if catalog is None else {}
        explained = explain(read_request(request, ()), settings, mount, known, catalog or Catalog())
    except RequestError as error:
        return JudgedRead(relation.name, "never", str(error))
    merging = explained.merging
    if merging.bypass is not None:
        return JudgedRead(relation.name, "never", f"{merging.bypass.code}: {merging.bypass.text}")
    for way in merging.ways:
        if way.verdict != MERGES:
            return JudgedRead(relation.name, way.verdict, way.types or way.others)
        if way.ties.verdict == "ties":
            return JudgedRead(relation.name, "never", way.ties.text, True)
    return JudgedRead(relation.name, merging.verdict, "")


def _columns(relation: ServedRelation, column: str, kind: str) -> Mapping[bytes, Column]:
    """What OpenAPI tells of the column: its type, and whether it is a whole primary key."""
    if not kind:
        return {}
    unique = " unique" if relation.primary == (column,) else ""
    return read_columns([f"{column}={kind}{unique}"], certain=False)


def _lines(name: str, reads: Sequence[JudgedRead], order: str) -> Iterator[SetupCheck]:
    """A line for those that merge, and one per reason for the others. ``order`` is the remedy where rows have none."""
    good = [read.relation for read in reads if read.verdict == MERGES]
    if good:
        yield SetupCheck(name, "ok", f"merge: {_named(good)}")
    others: dict[str, list[JudgedRead]] = {}
    for read in reads:
        if read.verdict != MERGES:
            others.setdefault(read.why, []).append(read)
    for why, same in others.items():
        how = "merge only for some types" if same[0].verdict == "depends" else "do not merge"
        remedy = order if same[0].is_order else ""
        yield SetupCheck(name, "warning", f"{how}: {_named([read.relation for read in same])}: {why}", remedy)


def _named(relations: Sequence[str]) -> str:
    names = list(dict.fromkeys(relations))
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"


def _changes(reads: Sequence[JudgedRead], settings: Settings) -> Iterator[SettingChange]:
    unordered = {read.relation for read in reads if read.is_order}
    if unordered and settings.merge.ties == "none":
        why = f"lists without an order of {_named(sorted(unordered))} then merge; read its description first"
        yield SettingChange('merge.ties = "physical"', why, 30)
