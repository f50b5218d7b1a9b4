"""Checks of what upstream answered: who it is, where, its schemas, its clock, db-max-rows, and its headers."""

import json
from collections.abc import Iterator, Sequence
from typing import Protocol

from proxy.allowed_differences import TIME_HEADERS, is_compared
from proxy.doctor.diagnosis import Diagnosis, SettingChange, SetupCheck
from proxy.doctor.probe import MAX_ROWS_ASKED, ProbedAnswer, UpstreamFacts
from proxy.errors.codes import FaultError
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import DROPPED_HEADERS, READ_HEADERS
from proxy.settings.model import Settings
from proxy.settings.tables import NEVER_SAME

MAX_SKEW = 30.0
"""Seconds by which PostgREST lets the times in a token differ from its own clock."""
TOKEN = "give -H 'Authorization: Bearer …' (and -H 'apikey: …' for Supabase) with a role that may read"  # noqa: S105


class UpstreamCheck(Protocol):
    """A check of what upstream answered."""

    def __call__(self, facts: UpstreamFacts, settings: Settings) -> Diagnosis: ...


def unreachable(fault: FaultError, settings: Settings) -> Diagnosis:
    """Upstream did not answer."""
    details = f" ({fault.details})" if fault.details else ""
    check = SetupCheck("upstream", "broken", f"{settings.upstream}: {fault.fault.message}{details}", fault.fault.remedy)
    change = SettingChange('upstream = "http://HOST:PORT"', "nothing answers there: name PostgREST's own address", 100)
    return Diagnosis((check,), (change,))


def reachable(facts: UpstreamFacts, settings: Settings) -> Diagnosis:
    """Who answers, and how fast."""
    root = facts.root
    version = root.value(b"server") or "a server without a name"
    text = f"{settings.upstream} answers in {1000 * root.seconds:.0f} ms: {version}"
    return Diagnosis((SetupCheck("upstream", "ok", text),))


def mount(facts: UpstreamFacts, settings: Settings) -> Diagnosis:
    """Whether PostgREST is where fanin looks for it."""
    discovered, root = facts.discovered, facts.root
    base = discovered.base.decode() or "/"
    where = f"{discovered.mount} for clients, {base} at upstream, profile {discovered.gateway.name}"
    if facts.is_here or (discovered.gateway.name == "supabase" and root.status == 401):
        return Diagnosis((SetupCheck("mount", "ok", where),))
    text = f"{where}: PostgREST is not there (status {root.status})"
    if not facts.elsewhere:
        remedy = "name PostgREST with --upstream, with its path if it has one: http://HOST/path"
        why = "another server answers there: name PostgREST's own address"
        change = SettingChange('upstream = "http://HOST:PORT"', why, 100)
        return Diagnosis((SetupCheck("mount", "broken", text, remedy),), (change,))
    url = json.dumps(settings.upstream.rstrip("/").removesuffix(discovered.base.decode()) + facts.elsewhere.rstrip("/"))
    change = SettingChange(f"upstream = {url}", f"PostgREST is at {facts.elsewhere}", 100)
    return Diagnosis((SetupCheck("mount", "broken", text, f"PostgREST is at {facts.elsewhere}"),), (change,))


def schemas(facts: UpstreamFacts, settings: Settings) -> Diagnosis:
    """Whether ``catalog.schemas`` is PostgREST's db-schemas."""
    configured = settings.catalog.schemas
    if not facts.schemas:
        return Diagnosis((SetupCheck("schemas", "unknown", "PostgREST does not say which schemas it serves", TOKEN),))
    served = ", ".join(facts.schemas)
    if facts.schemas == configured:
        return Diagnosis((SetupCheck("schemas", "ok", served),))
    wrong = facts.schemas[0] != configured[0]
    text = f"PostgREST serves {served}; catalog.schemas is {', '.join(configured)}"
    why = "names without a schema are of PostgREST's first one" if wrong else "fanin knows only these from the database"
    change = SettingChange(f"catalog.schemas = {json.dumps(facts.schemas)}", why, 90 if wrong else 45)
    return Diagnosis((SetupCheck("schemas", "broken" if wrong else "warning", text, f"set {change.line}"),), (change,))


def clock(facts: UpstreamFacts, settings: Settings) -> Diagnosis:
    """Whether both clocks agree as far as tokens need it."""
    skew = facts.root.skew
    if skew is None:
        return Diagnosis((SetupCheck("clock", "unknown", "upstream's answers have no Date"),))
    if abs(skew) <= MAX_SKEW:
        return Diagnosis((SetupCheck("clock", "ok", f"within {MAX_SKEW:g} s of upstream's"),))
    text = f"upstream's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
    return Diagnosis(
        (SetupCheck("clock", "warning", text, "PostgREST refuses tokens by their times: use NTP on both"),)
    )


def max_rows(facts: UpstreamFacts, settings: Settings) -> Diagnosis:
    """Whether ``merge.max_rows`` is PostgREST's db-max-rows."""
    known, found = settings.merge.max_rows, facts.max_rows
    if found is None:
        text = (
            f"no answer was cut; the longest had {facts.most_rows:,} rows (at most {MAX_ROWS_ASKED:,} were asked for)"
        )
        if facts.reads and known is not None and facts.most_rows > known:
            change = SettingChange(f"merge.max_rows = {facts.most_rows}", "answers are longer than it says", 70)
            return Diagnosis((SetupCheck("max-rows", "warning", text, f"merge.max_rows is {known}"),), (change,))
        if facts.most_rows >= MAX_ROWS_ASKED:
            return Diagnosis((SetupCheck("max-rows", "ok", text),))
        remedy = "if PostgREST has a db-max-rows, set merge.max_rows to it"
        return Diagnosis((SetupCheck("max-rows", "unknown", text, remedy),))
    if known == found:
        return Diagnosis((SetupCheck("max-rows", "ok", f"db-max-rows is {found:,}, and merge.max_rows says so"),))
    change = SettingChange(f"merge.max_rows = {found}", "merged calls then need no count of their rows", 50)
    if known is None:
        return Diagnosis((SetupCheck("max-rows", "ok", f"db-max-rows is {found:,}: answers are cut there"),), (change,))
    text = f"db-max-rows is {found:,}, and merge.max_rows is {known:,}"
    return Diagnosis((SetupCheck("max-rows", "broken", text, f"set {change.line}"),), (change,))


def answer_headers(facts: UpstreamFacts, settings: Settings) -> Diagnosis:
    """Whether answers have headers for which merged answers are discarded."""
    if not facts.reads:
        text = "no relation could be read, so that headers were not compared"
        return Diagnosis((SetupCheck("headers", "unknown", text, TOKEN),))
    same = {name.lower().encode() for name in settings.merge.same_headers}
    gateway, names = facts.discovered.gateway, dict.fromkeys(field.name for field in facts.reads[0].fields)
    unknown = [name for name in names if _is_unknown(facts.reads[0], name, gateway) and name not in same]
    if not unknown:
        return Diagnosis((SetupCheck("headers", "ok", "merged answers may have all headers of answers"),))
    return Diagnosis(tuple(_header_checks(unknown, facts.reads)), tuple(_header_changes(unknown, settings)))


def _is_unknown(answer: ProbedAnswer, name: bytes, gateway: Gateway) -> bool:
    """Whether a merged answer with this header is discarded."""
    if not is_compared(name) or name in READ_HEADERS | DROPPED_HEADERS | TIME_HEADERS or gateway.adds_header(name):
        return False
    fields = [field for field in answer.fields if field.name == name]
    return not all(gateway.adds_vary(name, field.value) or gateway.sets_cookie(name, field.value) for field in fields)


def _header_checks(names: Sequence[bytes], reads: Sequence[ProbedAnswer]) -> Iterator[SetupCheck]:
    for name in names:
        values = {read.value(name) for read in reads}
        how = "differs per call" if len(values) > 1 else "is in each answer"
        text = f"{name.decode()} {how}: fanin does not know it, and discards merged answers"
        remedy = (
            "remove it where it is set, name the gateway with --profile, or allow one copy for all (merge.same_headers)"
        )
        yield SetupCheck("headers", "warning", text, remedy)


def _header_changes(names: Sequence[bytes], settings: Settings) -> Iterator[SettingChange]:
    allowed = [name.decode() for name in names if name.decode() not in NEVER_SAME]
    if allowed:
        line = f"merge.same_headers = {json.dumps([*settings.merge.same_headers, *allowed])}"
        yield SettingChange(line, "nothing merges while answers have these; each caller then gets one copy", 80)


UPSTREAM_CHECKS: tuple[UpstreamCheck, ...] = (reachable, mount, schemas, max_rows, answer_headers, clock)
"""In the order of the report."""
