"""What would have caught the findings of a report: alert rules, budgets and a command, as text to paste."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from proxy.audit.report import MonitoringText, ReportedFinding
from proxy.findings.model import Finding
from proxy.text.terminal import safe


class Alert(msgspec.Struct, frozen=True):
    """An alert rule for findings of a rule over the database; ``tables``: it is for the tables of the findings."""

    name: str
    expression: str
    lasts: str
    tables: bool = True


READS = "rate(pg_stat_user_tables_seq_tup_read{{{tables}}}[10m]) > 10000"
SEQUENTIAL = Alert("FaninAuditSequentialReads", READS, "30m")
DATABASE_ALERTS: Mapping[str, Alert] = {
    "FAN020": SEQUENTIAL,
    "FAN021": SEQUENTIAL,
    "FAN025": SEQUENTIAL,
    "FAN032": SEQUENTIAL,
    "FAN038": SEQUENTIAL,
    "FAN039": SEQUENTIAL,
    "FAN040": SEQUENTIAL,
    "FAN041": Alert(
        "FaninAuditStaleStatistics",
        "pg_stat_user_tables_n_mod_since_analyze{{{tables}}} > 1000 and"
        " pg_stat_user_tables_n_mod_since_analyze{{{tables}}} > 0.2 * pg_stat_user_tables_n_live_tup{{{tables}}}",
        "1h",
    ),
    "FAN042": Alert(
        "FaninAuditDeadRows",
        "pg_stat_user_tables_n_dead_tup{{{tables}}} > 1000 and"
        " pg_stat_user_tables_n_dead_tup{{{tables}}} > 0.1 * pg_stat_user_tables_n_live_tup{{{tables}}}",
        "1h",
    ),
    "FAN043": Alert(
        "FaninAuditConnectionPressure", "fanin_upstream_queue > 0 or fanin_upstream_busy >= 10", "5m", tables=False
    ),
}
"""By the metrics of postgres_exporter (``pg_stat_user_tables_*``) and of fanin."""
LONGEST = 80
"""Most characters of a title in a comment."""
ALERTS, BUDGETS, COMMAND = "Alert rules for Prometheus", "Budgets for fanin check", "In each build"


def monitoring(findings: Sequence[ReportedFinding]) -> tuple[MonitoringText, ...]:
    """The texts that are of use; each finding is caught by one of them at least."""
    found = [each.finding for each in findings]
    texts = (
        (ALERTS, "yaml", list(_alerts(found))),
        (BUDGETS, "toml", list(_budgets(found))),
        (COMMAND, "sh", list(_command(found))),
    )
    return tuple(MonitoringText(title, language, "\n".join(lines)) for title, language, lines in texts if lines)


def _alerts(findings: Iterable[Finding]) -> Iterator[str]:
    """One alert per rule of traffic, and one per kind of database alert for the tables of its findings."""
    of_traffic: dict[str, list[Finding]] = {}
    of_database: dict[Alert, list[Finding]] = {}
    for finding in findings:
        if finding.object is None:
            of_traffic.setdefault(finding.code, []).append(finding)
        elif finding.code in DATABASE_ALERTS:
            of_database.setdefault(DATABASE_ALERTS[finding.code], []).append(finding)
    if of_traffic or of_database:
        yield from ("groups:", "  - name: fanin-audit", "    rules:")
    for code in sorted(of_traffic):
        expression = f'sum by (relation) (increase(fanin_findings_total{{rule="{code}"}}[1h])) > 0'
        yield from _alert(f"FaninAudit{code}", expression, "0m", of_traffic[code])
    for alert, found in sorted(of_database.items(), key=lambda item: item[0].name):
        yield from _alert(alert.name, alert.expression.format(tables=_tables(found)), alert.lasts, found)


def _alert(name: str, expression: str, lasts: str, findings: Sequence[Finding]) -> Iterator[str]:
    yield from (f"      # {text}" for text in _named(findings))
    yield f"      - alert: {name}"
    yield "        expr: >-"
    yield from (f"          {part}" for part in expression.replace(" and ", " and\n").split("\n"))
    yield f"        for: {lasts}"
    yield "        labels: {severity: warning}"


def _tables(findings: Sequence[Finding]) -> str:
    """The label matchers of the tables."""
    about = [finding.object for finding in findings if finding.object is not None]
    names = sorted({_pattern(each.table or each.name) for each in about})
    schemas = sorted({_pattern(each.schema) for each in about})
    return f"schemaname=~{json.dumps('|'.join(schemas))},relname=~{json.dumps('|'.join(names))}"


def _pattern(name: str) -> str:
    """A name as a regular expression of its own characters; others than word characters match any."""
    return "".join(char if char.isalnum() or char == "_" else "." for char in name)


def _budgets(findings: Iterable[Finding]) -> Iterator[str]:
    """One per route, which forbids the rules that found something there."""
    routes: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.object is None and finding.route:
            routes.setdefault(finding.route, []).append(finding)
    for route, found in sorted(routes.items()):
        yield from (f"# {text}" for text in _named(found))
        yield "[[budget]]"
        yield f"route = {json.dumps(safe(route), ensure_ascii=False)}"
        yield f"forbid = {json.dumps(sorted({finding.code for finding in found}))}"


def _command(findings: Iterable[Finding]) -> Iterator[str]:
    """The audit itself, for what neither an alert nor a budget sees."""
    found = list(findings)
    database = [each for each in found if each.object is not None and each.code not in DATABASE_ALERTS]
    traffic = [each for each in found if each.object is None and not each.route]
    yield from (f"# {text}" for text in _named([*database, *traffic]))
    if database:
        yield 'fanin audit --db-uri "$FANIN_DB_URI" --baseline audit.json --fail-on low --require-full-coverage'
    elif traffic:
        yield "fanin audit --traces traces.jsonl --baseline audit.json --fail-on low"


def _named(findings: Sequence[Finding]) -> Iterator[str]:
    """Each finding, in one line."""
    for finding in findings:
        title = safe(finding.title)
        yield f"{finding.code}: {title if len(title) <= LONGEST else title[:LONGEST] + '…'}"
