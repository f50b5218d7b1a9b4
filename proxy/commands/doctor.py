"""``fanin doctor``: checks a set-up, and names the settings that are most worth changing.

Tests: tests/e2e/operations/test_doctor.py.
"""

import asyncio
import json
import os
from argparse import Namespace
from collections.abc import Iterator

from proxy.commands.admin_api import AdminPortError, read_api
from proxy.commands.event_loop import run
from proxy.doctor.diagnosis import Diagnosis, SettingChange, SetupCheck, combined, diagnosis_lines
from proxy.doctor.machine_checks import descriptors, left_out
from proxy.doctor.merge_checks import merge_checks
from proxy.doctor.probe import UpstreamFacts, examine
from proxy.doctor.upstream_checks import UPSTREAM_CHECKS, unreachable
from proxy.errors.codes import FaultError
from proxy.explain.request import RequestError, read_request
from proxy.recording.admin_client import check_admin_url
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.text.counted import counted
from proxy.upstream.facts.catalog import read_catalog_once

PER_CALL_HEADER = "FAN017"
MOST_NOTES = 5
"""Request headers that a running fanin reports, of which the report has that many."""


def doctor(options: Namespace, settings: Settings) -> bool:
    """Print the report; True if nothing is broken. ConfigError for invalid options."""
    diagnosis = combined(_parts(options, settings))
    print("\n".join(diagnosis_lines(diagnosis)))
    return not diagnosis.is_broken


def _parts(options: Namespace, settings: Settings) -> Iterator[Diagnosis]:
    try:
        lines = [field.line for field in read_request("GET /", options.header).fields if field.name != b"host"]
    except RequestError as error:
        raise ConfigError(f"doctor: {error}") from error
    try:
        facts = run(examine(settings, lines))
    except FaultError as error:
        yield unreachable(error, settings)
        facts = None
    if facts is not None:
        yield from (check(facts, settings) for check in UPSTREAM_CHECKS)
        yield from _database(facts, settings)
    yield from _request_headers(options, settings)
    yield descriptors(settings)
    yield Diagnosis((), tuple(left_out(settings)))


def _database(facts: UpstreamFacts, settings: Settings) -> Iterator[Diagnosis]:
    """The catalog, if there is one, and what merges by it and by what PostgREST tells."""
    catalog = None
    if settings.db_uri is not None:
        try:
            catalog = asyncio.run(read_catalog_once(settings))
            known = f"{counted(len(catalog.columns), 'relation')} in its catalog"
            yield Diagnosis((SetupCheck("database", "ok", known),))
        except ConfigError as error:
            yield Diagnosis((SetupCheck("database", "broken", str(error)),))
    yield merge_checks(facts.relations, settings, facts.discovered.mount, catalog)


def _request_headers(options: Namespace, settings: Settings) -> Iterator[Diagnosis]:
    """Request headers that differ per call, which only a running fanin sees."""
    if options.admin is None:
        text = "request headers that differ per call are seen in traffic only"
        yield Diagnosis((SetupCheck("callers", "unknown", text, "give --admin URL of a running fanin"),))
        return
    check_admin_url(options.admin)
    token = options.token or os.environ.get("FANIN_ADMIN_TOKEN")
    try:
        notes, stored = (read_api(options.admin, token, "/api/findings", name) for name in ("notes", "findings"))
    except AdminPortError as error:
        yield Diagnosis((SetupCheck("callers", "unknown", str(error)),))
        return
    found = [each["finding"] for each in stored if each["finding"]["code"] == PER_CALL_HEADER]
    if not (notes or found):
        yield Diagnosis((SetupCheck("callers", "ok", "no request header was seen to keep reads apart"),))
    for note in notes[:MOST_NOTES]:
        yield Diagnosis((SetupCheck("callers", "warning", str(note["what"]), str(note["remedy"])),))
    for finding in found[:MOST_NOTES]:
        names = str((finding["object"] or {}).get("name", "")).split(",")
        line = f"identity.also_neutral = {json.dumps([*settings.identity.also_neutral, *names])}"
        check = SetupCheck("callers", "warning", f"{finding['code']} {finding['title']}", f"set {line}")
        yield Diagnosis(
            (check,), (SettingChange(line, "reads that differ in these headers only then share calls", 75),)
        )
