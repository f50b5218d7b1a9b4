"""Says whether a write would share a call with others (FAN004), or why not. It runs the planner of the data path."""

from collections.abc import Iterator

import msgspec

from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.explain.keys import ALIAS, MergeQuestion, other_requests
from proxy.model import PendingWrite, WriteCall, WriteForm
from proxy.path.batches.writes import MERGED_WRITES, body_reason, form_of, plan_writes
from proxy.postgrest.catalog import Catalog

OFF = "no: rules.fan004 is '{}' and mode '{}', and not both 'rewrite'; if they are:"
METHOD = "no: only PATCH and DELETE are merged; a POST can write many rows with an array"
NOT_A_RELATION = "no: the path is not a relation"
UNREAD = "depends on the catalog of db_uri, which is not read here"
WITHOUT_CATALOG = "db_uri is not set, so that there is no catalog"
UNKNOWN_TABLE = "the catalog has no relation {}"
NO_EQUALITY = "no filter is column=eq.value"
SETS_KEY = "the body sets {}"
NOT_JSON = "the body is not a JSON object with members"
YES = (
    "yes, with others of its identity and with its body that wait at the same time and differ only in the value of {};"
    " their rows are written in one transaction"
)
GATEWAY = "unless a gateway stands before PostgREST"
BODY = "if its body is a JSON object of at most 16 kB that does not set {} (--data '…' checks one)"
READ_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))
UNKNOWN_SIZE = 2
"""Bytes that a body which is not given is taken to have."""


def write_lines(
    question: MergeQuestion, read_reason: str | None, catalog: Catalog, body: bytes | None
) -> tuple[str, ...]:
    """``yes`` or ``no``, and with which others or why; empty for a read.

    ``read_reason`` is the bypass reason of a GET with the same target; ``body`` is None if it is not known.
    """
    if question.query.method in READ_METHODS:
        return ()
    rules, mode = question.settings.rules, question.settings.mode
    own = tuple(_lines(question, read_reason, catalog, body))
    return own if mode == rules.fan004 == "rewrite" else (OFF.format(rules.fan004, mode), *own)


def _lines(question: MergeQuestion, read_reason: str | None, catalog: Catalog, body: bytes | None) -> Iterator[str]:
    query, settings = question.query, question.settings
    if query.method not in MERGED_WRITES:
        yield METHOD
        return
    if not query.relation:
        yield NOT_A_RELATION
        return
    if settings.db_uri is not None and not catalog.columns:
        yield UNREAD
        return
    if query.relation not in catalog.plain_tables:
        missing = "" if query.relation in catalog.columns else UNKNOWN_TABLE.format(query.relation)
        yield from _no("write-table", WITHOUT_CATALOG if settings.db_uri is None else missing)
        return
    head = question.pending.head
    if query.method == b"PATCH" and not head.body_framing:
        head = msgspec.structs.replace(head, body_framing=UNKNOWN_SIZE if body is None else len(body))
    form = form_of(query, head, read_reason, question.known)
    if isinstance(form, str):
        yield from _no(form, _keys(question) if form == "write-key" else "")
        return
    write = PendingWrite(query, head, 0.0, form, b"{}" if body is None else body)
    reason = None if body is None else body_reason(write)
    name = form.key.name.decode("utf-8", "replace")
    if reason is not None:
        yield from _no(reason, SETS_KEY.format(name) if reason == "write-key" else NOT_JSON)
        return
    yield YES.format(name)
    if query.method == b"PATCH" and body is None:
        yield BODY.format(name)
    yield GATEWAY
    yield from _call(question, write, form)


def _no(code: str, detail: str) -> Iterator[str]:
    yield f"no: {code}: {BYPASS_REASONS[code]}"
    if detail:
        yield f"Here: {detail}"
    yield f"To change that: {BYPASS_REMEDIES[code]}"


def _keys(question: MergeQuestion) -> str:
    """What is known of the columns that the write filters by ``eq``."""
    texts = []
    for key in question.query.keys:
        if key.value.startswith(b"eq."):
            column = question.known.get(key.name)
            name, value = key.name.decode("utf-8", "replace"), key.literals[0].decode("utf-8", "replace")
            known = "an unknown type" if column is None else column.type or "an unknown type"
            texts.append(f"{name}={value}, a value of {known}" + ("" if column and column.unique else ", not unique"))
    return "; ".join(texts) or NO_EQUALITY


def _call(question: MergeQuestion, write: PendingWrite, form: WriteForm) -> Iterator[str]:
    """The call for this write and an invented other one."""
    for other in other_requests(question, form.key):
        key = next(key for key in other.query.keys if key.name == form.key.name)
        sibling = PendingWrite(other.query, write.head, 0.0, WriteForm(key, form.wants), write.body)
        merge = question.settings.merge
        (call, *_) = plan_writes([write, sibling], ALIAS, merge.max_keys, merge.max_url)
        if isinstance(call, WriteCall):
            target = call.target.decode("utf-8", "replace").replace(ALIAS.decode(), "f…")
            yield f"with {key.name.decode('utf-8', 'replace')}={key.value.decode('utf-8', 'replace')}:"
            yield f"{write.query.method.decode()} {target}"
            return
