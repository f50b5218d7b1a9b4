"""``fanin check``: recordings, or a running fanin's traces, judged and measured against budgets."""

import math
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from proxy import __version__
from proxy.check.as_json import as_json
from proxy.check.junit import junit
from proxy.check.sarif import sarif
from proxy.check.text import text
from proxy.check.verdict import Seen, Verdict, finished, verdict
from proxy.check.work import Work, may_gate, works
from proxy.config import ConfigError, Effective, Settings
from proxy.findings import Rule
from proxy.model import Trace
from proxy.observe.events import Closed, Event, Events, Warned
from proxy.observe.taken import Names
from proxy.observe.text import safe
from proxy.path.found import Known
from proxy.path.ignored import Ignores
from proxy.recording import RecordingError, read
from proxy.shell.judge import Judge, today

TIMEOUT = 30.0
"""Seconds that a running fanin is given to answer."""
Sources = Mapping[str, Sequence[Trace]]
"""Traces by the recording that they are from."""


class UnableError(Exception):
    """There was nothing to be read; the message says why."""


FORMATS: Mapping[str, Callable[[Verdict, Sequence[Rule], str], str]] = {
    "text": lambda found, rules, settings: text(found),
    "json": lambda found, rules, settings: as_json(found),
    "sarif": lambda found, rules, settings: sarif(found, rules, __version__, settings),
    "junit": lambda found, rules, settings: junit(found),
}


def check(options: Namespace, loaded: Effective, rules: Sequence[Rule]) -> bool:
    """Do what the command line asks for, and print it; True when something failed. UnableError, ConfigError."""
    token = loaded.settings.admin_token
    if options.admin:
        sources = running(options.admin, token.get_secret_value() if token else None)
    else:
        sources = recordings(options.traces)
    checked = Checked(sources, rules, loaded, options.fail_on, options.strict)
    if options.explain_ignores:
        print("\n".join(checked.ignores()), file=sys.stderr)
    told = FORMATS[options.format](checked.verdict, rules, options.config.as_posix() if options.config else "")
    if options.output is None:
        print(told, end="")
    else:
        _write(options.output, told)
        print(text(checked.verdict), end="")
    return checked.verdict.failed


def _write(file: Path, told: str) -> None:
    try:
        file.write_text(told, encoding="utf-8")
    except OSError as error:
        raise UnableError(f"{file}: cannot be written: {error.strerror}") from error


def recordings(files: Iterable[Path]) -> Sources:
    """The traces of each file. UnableError where one cannot be read, or is no recording."""
    found = {}
    for file in files:
        try:
            with file.open("rb") as lines:
                found[str(file)] = list(read(str(file), lines))
        except OSError as error:
            raise UnableError(f"{file}: cannot be read: {error.strerror}") from error
        except RecordingError as error:
            raise UnableError(str(error)) from error
    return found


def running(url: str, token: str | None) -> Sources:
    """The traces that a running fanin keeps. ConfigError for what is no URL, UnableError where it does not answer."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"--admin: '{url}' is not http://HOST:PORT, where a running fanin has its admin port")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(f"{url.rstrip('/')}/api/recording", headers=headers)  # noqa: S310 – the scheme is checked above
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT) as answer:
            return {url: list(read(url, answer.read().splitlines(keepends=True)))}
    except HTTPError as error:
        told = error.read(300).decode("utf-8", "replace").strip()
        raise UnableError(f"{url}: answers {error.code}: {told}") from error
    except (OSError, URLError) as error:
        raise UnableError(f"{url}: cannot be asked: {getattr(error, 'reason', error)}") from error
    except RecordingError as error:
        raise UnableError(str(error)) from error


class Court:
    """Traces of one kind, judged by the settings; what was found, and where first."""

    def __init__(self, rules: Sequence[Rule], settings: Settings, names: Names, gates: bool) -> None:
        events = Events()
        events.subscribe(self._hear)
        self._judge = Judge(rules, settings, events)
        self._names = names
        self._gates = gates
        self._source = ""
        self._first: dict[str, tuple[str, str]] = {}
        self.count = 0
        self.warnings: list[str] = []

    def judge(self, source: str, trace: Trace) -> None:
        self.count += 1
        self._source = source
        self._judge.judge(trace)

    def close(self) -> set[str]:
        """Look at all of it; returns what is to be told of ignores that matched nothing."""
        self._judge.look(math.inf)
        if dropped := self._judge.found.dropped:
            self.warnings.append(f"{dropped} findings gave way to later ones: raise detect.findings")
        told, self.warnings = self.warnings, []
        self._judge.review()
        idle, self.warnings = set(self.warnings), told
        return idle

    def known(self) -> list[Known]:
        """All findings, ignored ones as well, that are on names that upstream has taken."""
        shown = [known for known in self._judge.found if self._names.shown([known.finding])]
        return sorted(shown, key=lambda known: (-known.finding.weight, known.finding.key))

    def seen(self) -> Iterator[Seen]:
        """Findings that are not ignored, the gravest first."""
        for known in self.known():
            if known.ignore is None:
                source, trace = self._first.get(known.finding.key, ("", ""))
                yield Seen(known.finding, source, trace, known.count, self._gates)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.warnings.append(event.what)
        elif isinstance(event, Closed):
            for finding in event.findings:
                self._first.setdefault(finding.key, (self._source, event.trace.id))


class Checked:
    """Everything that was found, and the verdict."""

    def __init__(self, sources: Sources, rules: Sequence[Rule], loaded: Effective, fail_on: str, strict: bool) -> None:
        settings, names = loaded.settings, Names()
        self._settings = settings
        self._courts = {gates: Court(rules, settings, names, gates) for gates in (True, False)}
        measured: list[Work] = []
        for source, traces in sources.items():
            measured += works(source, traces)
            for trace in traces:
                names.learn(trace.spans)
                self._courts[may_gate(trace)].judge(source, trace)
        self._idle = self._close()
        seen = [one for court in self._courts.values() for one in court.seen()]
        used = [rule for rule in rules if settings.rules.level(rule.code) != "off"]
        found = verdict(measured, seen, settings.budget, settings.growth, used, fail_on)
        self.verdict = finished(found, self._warnings(), strict)

    def _close(self) -> list[str]:
        """Ignores that matched nothing in any trace."""
        idle = [court.close() for court in self._courts.values() if court.count]
        return sorted(set.intersection(*idle)) if idle else []

    def _warnings(self) -> list[str]:
        told = [text for court in self._courts.values() for text in court.warnings]
        return [*dict.fromkeys(told), *self._idle]

    def ignores(self) -> Iterator[str]:
        """Each ignore with what it matched."""
        known = [one for court in self._courts.values() for one in court.known()]
        found = list({one.finding.key: one.finding for one in known}.values())
        ignores = Ignores(self._settings.ignore, self._settings.catalog.schemas[0])
        for one in ignores.explained(found, today()):
            until = f", until {one.ignore.until}" if one.ignore.until else ""
            yield f"{safe(one.name)}: {safe(one.ignore.reason)}{until}"
            if one.over:
                yield "  is over, and ignores no longer:" if one.matched else "  is over"
            yield from (f"  {safe(finding.key)}" for finding in one.matched)
            if not one.matched:
                yield "  matches nothing that was found"
