"""``fanin explain FINDING``: a finding of a running fanin or of recordings, as a report or as a prompt."""

import os
import re
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.commands.admin_api import read_api
from proxy.commands.offline_analysis import OfflineAnalysis
from proxy.findings.model import Finding
from proxy.findings.prompt import prompt
from proxy.findings.report import finding_lines
from proxy.recording.admin_client import check_admin_url
from proxy.recording.source import read_files
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.text.terminal import safe

MAX_KEYS = 20
"""Keys in the message that there are several findings."""
_FINDING = re.compile(r"FAN\d{3}:.*|[0-9a-f]{12}", re.DOTALL)


def looks_like_finding(words: str) -> bool:
    """Whether ``words`` is the key of a finding, or its id."""
    return _FINDING.fullmatch(words) is not None


def explained_finding(options: Namespace, words: str, settings: Settings, rules: Sequence[AnyRule]) -> str:
    """The report of a finding, or its prompt. ConfigError if there is none, AdminPortError, DataAccessError."""
    found = next((one for one in _findings(options, settings, rules) if words in (one.key, one.id)), None)
    if found is None:
        raise ConfigError("explain: no finding has this key or id there; fanin audit prints the keys as 'Mute with'")
    return prompt(found) if options.prompt else "\n".join(finding_lines(found)) + "\n"


def prompt_of_rule(options: Namespace, code: str, settings: Settings, rules: Sequence[AnyRule]) -> str:
    """The prompt of the only finding of a rule. ConfigError if there is none, or if there are several: it has their
    keys. AdminPortError, DataAccessError.
    """
    found = {one.key: one for one in _findings(options, settings, rules) if one.code == code}
    if not found:
        raise ConfigError(f"explain: {code} has found nothing there")
    if len(found) > 1:
        keys = "".join([f"\n  {safe(key)}" for key in list(found)[:MAX_KEYS]])
        more = f"\n  and {len(found) - MAX_KEYS} more" if len(found) > MAX_KEYS else ""
        raise ConfigError(f"explain: {code} has {len(found)} findings there, give the key of one:{keys}{more}")
    return prompt(next(iter(found.values())))


def _findings(options: Namespace, settings: Settings, rules: Sequence[AnyRule]) -> Iterator[Finding]:
    if options.traces:
        analysis = OfflineAnalysis(rules, settings)
        for source, trace in read_files(options.traces):
            analysis.judge(source.name, trace)
        analysis.close()
        yield from (stored.finding for stored in analysis.known())
    elif (admin := admin_of(options)) is not None:
        check_admin_url(admin)
        token = options.token or os.environ.get("FANIN_ADMIN_TOKEN")
        for row in read_api(admin, token, "/api/findings", "findings"):
            yield msgspec.convert(row["finding"], Finding)
    else:
        raise ConfigError("explain: a finding is read with --admin URL (a fanin's admin port) or --traces FILE")


def admin_of(options: Namespace) -> str | None:
    """The URL of ``--admin``, or of its old name, which a warning says."""
    if options.running is None:
        return options.admin  # type: ignore[no-any-return]
    print("fanin: warning: --running is now called --admin", file=sys.stderr)
    return str(options.running)
