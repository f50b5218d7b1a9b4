"""``fanin check``: recordings, or a running fanin's traces, judged and measured against budgets."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence

from proxy import __version__
from proxy.analysis.rule import AnyRule
from proxy.check.as_json import as_json
from proxy.check.junit import junit
from proxy.check.sarif import sarif
from proxy.check.text import text
from proxy.check.verdict import Verdict, finished, verdict
from proxy.commands.offline_analysis import OfflineAnalysis
from proxy.findings.ignores import Ignores
from proxy.recording.source import Recordings, read_source, write_text
from proxy.settings.loading import EffectiveSettings
from proxy.sidecar.rule_runner import today
from proxy.text.terminal import safe
from proxy.traces.cost import TraceCosts

FORMATS: Mapping[str, Callable[[Verdict, Sequence[AnyRule], str], str]] = {
    "text": lambda found, rules, settings: text(found),
    "json": lambda found, rules, settings: as_json(found),
    "sarif": lambda found, rules, settings: sarif(found, rules, __version__, settings),
    "junit": lambda found, rules, settings: junit(found),
}


def check(options: Namespace, loaded: EffectiveSettings, rules: Sequence[AnyRule]) -> bool:
    """Do what the command line asks for, and print it; True when something failed. DataAccessError, ConfigError."""
    traffic = read_source(options, loaded.settings)
    checked = CheckAnalysis(traffic, rules, loaded, options.fail_on, options.strict)
    if options.explain_ignores:
        print("\n".join(checked.ignores()), file=sys.stderr)
    told = FORMATS[options.format](checked.verdict, rules, options.config.as_posix() if options.config else "")
    if options.output is None:
        print(told, end="")
    else:
        write_text(options.output, told)
        print(text(checked.verdict), end="")
    return checked.verdict.failed


class CheckAnalysis:
    """Everything that was found, and the verdict."""

    def __init__(
        self, traffic: Recordings, rules: Sequence[AnyRule], loaded: EffectiveSettings, fail_on: str, strict: bool
    ) -> None:
        settings = self._settings = loaded.settings
        courts = self._courts = OfflineAnalysis(rules, settings)
        works = TraceCosts()
        for source, trace in traffic:
            courts.judge(source.name, trace)
            works.add(source.name, trace)
        courts.close()
        used = [rule for rule in rules if settings.rules.level(rule.code) != "off"]
        found = verdict(works.all(), courts.seen(), settings.budget, settings.growth, used, fail_on)
        self.verdict = finished(found, courts.warnings(), strict)

    def ignores(self) -> Iterator[str]:
        """Each ignore with what it matched."""
        found = list({one.finding.key: one.finding for one in self._courts.known()}.values())
        ignores = Ignores(self._settings.ignore, self._settings.catalog.schemas[0])
        for one in ignores.explained(found, today()):
            until = f", until {one.ignore.until}" if one.ignore.until else ""
            yield f"{safe(one.name)}: {safe(one.ignore.reason)}{until}"
            if one.over:
                yield "  is over, and ignores no longer:" if one.matched else "  is over"
            yield from (f"  {safe(finding.key)}" for finding in one.matched)
            if not one.matched:
                yield "  matches nothing that was found"
