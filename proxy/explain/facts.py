"""Builds the explanation of a request: its SQL, its identity, and whether and how it merges."""

from collections.abc import Mapping, Sequence

import msgspec

from proxy.errors.codes import BYPASS_REASONS, FaultError
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.explain.cache import cache_lines
from proxy.explain.keys import ALIAS, ALONE, DEPENDS, MERGES, MergeQuestion, MergeWay, merge_way
from proxy.explain.prefetch import prefetch_lines
from proxy.explain.request import ExplainedRequest, RequestError
from proxy.explain.writes import write_lines
from proxy.http1.head import first_value
from proxy.model import Column, PendingRequest, Query, RequestHead
from proxy.path.batches.chunking import chunk_list, with_long_list
from proxy.path.batches.coalescing import is_shareable, stable_in_settings
from proxy.path.batches.plan import has_no_aggregate, why_not_merged
from proxy.path.evidence.differing_headers import is_meaningful
from proxy.path.evidence.unsafe_reads import UnsafeReads
from proxy.path.reading.fingerprint import read_query
from proxy.path.reading.identity import HeadRules, head_rules, is_forwarded, read_head
from proxy.postgrest.catalog import Catalog
from proxy.postgrest.request.api_request import ApiRequest, read_api_request
from proxy.postgrest.request.in_list import shortened
from proxy.postgrest.request.media import preferences
from proxy.postgrest.types import NO_COLUMN
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.sql.statement import Sql, sql_of

SUPABASE_MOUNT = b"/rest/v1"
REQUEST_LINE_SIZE = len(b"GET  HTTP/1.1\r\n")
"""Bytes of a request line without its target."""
WRITES = frozenset((b"POST", b"PATCH", b"PUT", b"DELETE"))

USUAL = frozenset(
    (b"user-agent", b"accept-language", b"cache-control", b"pragma", b"referer", b"dnt", b"te", b"x-client-info")
)
"""Headers that are the same in all calls of a client."""

LIMITED = (
    "limit: requests merge only while no key has more rows than its limit, or the order leaves no ties. The merged call"
    " reads one row more than the limits of all callers together; if it gets that row, the originals are sent."
)
COUNTED = (
    "merge.max_rows is not set: a merged call requests a count, to detect a truncated answer, unless the key is known"
    " to be unique and has a row for each request."
)
RANGED = (
    "Range: the merged call has a Range of its own, with one row more than those of all callers together; if it gets"
    " that row, a key has too many rows."
)
CHOSEN = (
    "Accept: PostgREST chooses JSON from the list, unless the relation has a media type handler for a type before it;"
    " then fanin sends the original requests."
)
KEYS_COUNTED = (
    "count: unless the relation has such a column, which fanin asks PostgREST before each call, the merged call reads"
    " the keys only, and each caller gets the number of its rows."
)
NO_CATALOG = Catalog()
NO_RELATION = "The catalog has no such relation in catalog.schemas: PostgREST answers 404, unless it has more schemas."
NOT_EQUAL = "Byte-equal requests share no call: their answers may differ."
EQUAL = "Byte-equal requests of one identity that wait at the same time share one call (FAN003)."


class IdentityFacts(msgspec.Struct, frozen=True):
    """Names of headers by how fanin treats them. Values are never shown."""

    compared: tuple[str, ...]
    neutral: tuple[str, ...]
    dropped: tuple[str, ...]
    trace: str
    """The header that names the trace; empty without one."""
    may_differ: tuple[str, ...] = ()
    """Those of ``compared`` that are known neither from HTTP nor from PostgREST, such as a request id."""
    also_neutral: tuple[str, ...] = ()
    """The value of ``identity.also_neutral`` with these names."""


class BypassFacts(msgspec.Struct, frozen=True):
    """Why the request is not merged, and how to change it so that it is."""

    code: str
    text: str
    remedy: str


class MergingFacts(msgspec.Struct, frozen=True):
    """``verdict``: ``merges``, ``depends`` (on a type) or ``never``, which has a bypass reason if the relation
    exists.
    """

    verdict: str
    ways: tuple[MergeWay, ...]
    bypass: BypassFacts | None
    notes: tuple[str, ...]
    limited: bool = False
    """Whether the request has a ``limit``, so that it merges only where keys have no more rows than that."""


class FoundWrong(msgspec.Struct, frozen=True):
    """What a running fanin found by comparing with originals; no ``column``: about equal reads that share a call."""

    relation: str
    profile: str
    column: bytes
    detail: str


class Explanation(msgspec.Struct, frozen=True):
    """The explanation of one request."""

    method: str
    target: str
    mount: str
    asks: ApiRequest | None
    """None if the path is not a relation under the mount."""
    relation: str
    """``schema.relation``; empty without a relation."""
    sql: Sql
    fingerprint: str
    identity: IdentityFacts
    merging: MergingFacts
    prefetch: tuple[str, ...] = ()
    """Whether it would be answered from what was fetched ahead, and when, or why not (FAN002)."""
    cache: tuple[str, ...] = ()
    """Whether it would be answered from a kept answer, and how old that may be, or why not (FAN006)."""
    write: tuple[str, ...] = ()
    """Whether a write would share a call with others, and with which, or why not (FAN004); empty for a read."""


def explain(
    request: ExplainedRequest,
    settings: Settings,
    mount: str | None,
    columns: Mapping[bytes, Column],
    catalog: Catalog = NO_CATALOG,
    found: Sequence[FoundWrong] = (),
) -> Explanation:
    """Explain ``request`` under ``settings``; raises RequestError for a request that fanin rejects.

    ``mount`` is None if the settings do not contain it (fanin gets it from PostgREST): then the request's path decides.
    ``columns`` are the columns of the relation with a known type; they have precedence over those of ``catalog``.
    ``found`` is what a running fanin found wrong.
    """
    prefix = _mount(request, mount)
    rules = _rules(settings)
    try:
        head = read_head(request.fields, request.minor, rules)
    except FaultError as error:
        raise RequestError(f"{error.fault.message}. {error.fault.hint}") from None
    query = _query(request, head, prefix, settings)
    settings = ByRequest(settings, lambda effective: effective).of(query.relation, head.route)
    api_request = _api_request(request, prefix)
    accept = first_value(request.fields, b"accept") or b""
    columns = {**catalog.columns.get(query.relation, {}), **columns}
    reads = UnsafeReads(settings.catalog.schemas[0], 1)
    reads.apply(catalog.hazards)
    own_found = [one for one in found if (one.relation, one.profile) == (query.relation, head.accept_profile)]
    known = columns | {
        one.column: msgspec.structs.replace(columns.get(one.column, Column("")), mismatched=True)
        for one in own_found
        if one.column
    }
    question = MergeQuestion(PendingRequest(query, head, 0.0), settings, prefix, known)
    types = {name.decode("utf-8", "replace"): column.type for name, column in columns.items()}
    notes = (CHOSEN,) if b"," in accept else ()
    merging = _merging(question, reads, own_found, notes, _is_unknown(query, catalog))
    return Explanation(
        method=request.method.decode(),
        target=request.target.decode("utf-8", "replace"),
        mount=prefix.decode("utf-8", "replace") or "/",
        asks=api_request,
        relation=query.relation,
        sql=Sql("", ()) if api_request is None else sql_of(api_request, types),
        fingerprint=query.fingerprint,
        identity=_identity(request, rules, settings.identity.also_neutral),
        merging=merging,
        prefetch=prefetch_lines(query, head, settings, merging.verdict),
        cache=cache_lines(question.pending, settings, reads.hazard_of(query, head.accept_profile)),
        write=write_lines(question, _read_reason(request, head, prefix, settings), catalog, request.body),
    )


def _mount(request: ExplainedRequest, mount: str | None) -> bytes:
    """The mount without its trailing slash."""
    if mount is not None:
        return mount.rstrip("/").encode()
    return SUPABASE_MOUNT if request.target.startswith(SUPABASE_MOUNT + b"/") else b""


def _rules(settings: Settings) -> HeadRules:
    identity, host = settings.identity, b"upstream" if settings.upstream_host == "upstream" else b""
    return head_rules(host, settings.trace.headers, identity.also_neutral, identity.not_neutral, b"explained")


def _query(request: ExplainedRequest, head: RequestHead, mount: bytes, settings: Settings) -> Query:
    schema, longest = settings.catalog.schemas[0], settings.merge.max_url
    if len(request.target) <= longest:
        return read_query(request.method, request.target, head, mount, schema, longest)
    short, place = shortened(request.target, longest)
    return with_long_list(read_query(request.method, short, head, mount, schema, longest), request.target, place)


def _read_reason(request: ExplainedRequest, head: RequestHead, mount: bytes, settings: Settings) -> str | None:
    """The bypass reason of a GET with the same target."""
    head = msgspec.structs.replace(head, bypass_reason=None)
    return _query(msgspec.structs.replace(request, method=b"GET"), head, mount, settings).bypass_reason


def _api_request(request: ExplainedRequest, mount: bytes) -> ApiRequest | None:
    schema = first_value(request.fields, b"content-profile" if request.method in WRITES else b"accept-profile") or b""
    prefers = preferences([field.value for field in request.fields if field.name == b"prefer"])
    ranged = first_value(request.fields, b"range") or b""
    return read_api_request(request.method, request.target, mount, schema.decode("utf-8", "replace"), prefers, ranged)


def _identity(request: ExplainedRequest, rules: HeadRules, also_neutral: tuple[str, ...]) -> IdentityFacts:
    names = dict.fromkeys(field.name for field in request.fields if request.host_given or field.name != b"host")
    dropped = tuple(name for name in names if not is_forwarded(name))
    neutral = tuple(name for name in names if rules.is_neutral(name) and name not in dropped)
    compared = tuple(name for name in names if name not in dropped and name not in neutral)
    trace = next((name for name in rules.trace_headers if name in names), b"")
    may_differ = _decoded(tuple(name for name in compared if not (is_meaningful(name) or name in USUAL)))
    return IdentityFacts(
        _decoded(compared), _decoded(neutral), _decoded(dropped), trace.decode(), may_differ, also_neutral + may_differ
    )


def _decoded(names: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(name.decode("ascii") for name in names)


# Merging.


def _merging(
    question: MergeQuestion,
    reads: UnsafeReads,
    found: Sequence[FoundWrong],
    notes_if_merged: tuple[str, ...],
    unknown_relation: bool,
) -> MergingFacts:
    columns = question.known
    question = question.assuming(_assumed(question.query, question.settings, columns))
    query, head, settings = question.query, question.pending.head, question.settings
    hazard = reads.hazard_of(query, head.accept_profile)
    known = tuple(one.detail for one in found)
    if unknown_relation:
        known = (NO_RELATION, *known)
    if hazard is not None:
        known = (f"By the catalog, {hazard.detail}.", *known)
    shared: tuple[str, ...] = ()
    if _may_share(query, head, settings, question.mount):
        differ = any(not one.column for one in found) or (hazard is not None and not hazard.may_share)
        shared = (NOT_EQUAL,) if differ else (EQUAL,)
    code, notes = _bypass_reason(query, head, settings, columns)
    if code or hazard is not None:
        reason = code or (hazard.reason if hazard is not None else "")
        return MergingFacts(ALONE, (), bypass_reason(reason), (*notes, *known, *shared))
    ways = tuple(merge_way(question, key) for key in query.keys)
    verdicts = {each.verdict for each in ways} if not unknown_relation else set()
    verdict = next((verdict for verdict in (MERGES, DEPENDS) if verdict in verdicts), ALONE)
    if verdict == ALONE and unknown_relation:
        return MergingFacts(ALONE, (), None, (*known, *shared))
    if verdict == ALONE:
        reason = why_not_merged(question.pending, question.known) or "literal"
        return MergingFacts(ALONE, ways, bypass_reason(reason), (*known, *shared))
    limited = (LIMITED,) if query.limit is not None else ()
    ranged = (RANGED,) if head.range_limit is not None else ()
    keys = (KEYS_COUNTED,) if query.counted and b"count" not in columns else ()
    counted = (COUNTED,) if settings.merge.max_rows is None else ()
    notes = (*limited, *ranged, *keys, *notes_if_merged, *counted, *known, *shared)
    return MergingFacts(verdict, ways, None, notes, query.limit is not None)


def _is_unknown(query: Query, catalog: Catalog) -> bool:
    """Whether the catalog was read, and does not have the relation."""
    return bool(catalog.columns) and bool(query.relation) and query.relation not in catalog.columns


def _assumed(query: Query, settings: Settings, columns: Mapping[bytes, Column]) -> Mapping[bytes, Column]:
    """The known columns, and that ``count`` is none, if fanin would find that out."""
    asks = settings.merge.ask_types or settings.db_uri is not None
    return {b"count": Column(NO_COLUMN), **columns} if query.counted and asks else columns


def bypass_reason(code: str) -> BypassFacts:
    """A bypass reason with its text and its remedy."""
    return BypassFacts(code, BYPASS_REASONS[code], BYPASS_REMEDIES[code])


def _may_share(query: Query, head: RequestHead, settings: Settings, mount: bytes) -> bool:
    stable = stable_in_settings(settings.rules.duplicate_read.rpc, settings.catalog.schemas[0])
    on = settings.mode == "rewrite" and settings.rules.fan003 == "rewrite"
    return on and is_shareable(query, head, mount, stable)


def _bypass_reason(
    query: Query, head: RequestHead, settings: Settings, columns: Mapping[bytes, Column]
) -> tuple[str, tuple[str, ...]]:
    """A bypass reason that applies to all keys, or empty; and notes about an over-long list."""
    if query.bypass_reason == "too-long" and query.long_list is not None:
        return _long_list_reason(query, head, settings)
    request = PendingRequest(query, head, 0.0)
    if query.bypass_reason is None and not has_no_aggregate(request, _assumed(query, settings, columns)):
        names = b", ".join(query.aggregates).decode()
        return "aggregate", (f"If the relation has columns {names}, requests merge: fanin asks PostgREST for them.",)
    if query.bypass_reason is None and not (settings.mode == "rewrite" and settings.rules.fan001 == "rewrite"):
        return "mode", ()
    return query.bypass_reason or "", ()


def _long_list_reason(query: Query, head: RequestHead, settings: Settings) -> tuple[str, tuple[str, ...]]:
    bounds = settings.rules.oversized_in_list
    size = REQUEST_LINE_SIZE + len(query.target) + len(head.forwarded_lines) + len(b"\r\n")
    if size <= bounds.head_bytes:
        return "too-long", ()
    if settings.mode != "rewrite" or settings.rules.fan005 != "rewrite":
        return "oversized", ()
    chunked = chunk_list(
        query, head, ALIAS, bounds.head_bytes - REQUEST_LINE_SIZE - len(head.merged_lines) - len(b"\r\n")
    )
    if isinstance(chunked, str):
        return chunked, ()
    return "too-long", (f"FAN005 sends the list in {len(chunked.parts)} calls and concatenates their answers.",)
