"""Formats a verdict as SARIF 2.1.0, which code hosts show next to the code.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.check.annotations import source_line
from proxy.check.verdict import BudgetProblem, Verdict
from proxy.findings.report import finding_lines

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
TEXTS = {
    "max_queries": "More requests to PostgREST than the route's budget.",
    "max_upstream_calls": "More upstream calls than the route's budget.",
    "max_rows": "More rows than the route's budget.",
    "max_bytes": "More bytes than the route's budget.",
    "growth": "The cost of a route grows with the size of its data.",
    "strict": "A warning, which fails with --strict.",
    "strict-ignores": "An ignore that looks fixed or has expired, which fails with --strict-ignores.",
    "require-routes": "A route of --require-routes was not seen.",
    "min-traces": "Fewer traces than --min-traces.",
}
"""Descriptions of the checks that are not rules, by code."""


def sarif(verdict: Verdict, rules: Sequence[AnyRule], version: str, settings: str) -> str:
    """The verdict; problems have the level error, notes the level note.

    The location is X-Fanin-Caller if that is a file and line, else the ``settings`` file: code hosts require a file.
    """
    results = [result("error", problem, settings) for check in verdict.checks for problem in check.problems]
    results += [result("note", note, settings) for note in verdict.notes]
    others = [{"id": code, "shortDescription": {"text": text}} for code, text in TEXTS.items()]
    return log(results, [*map(rule_descriptor, rules), *others], version, verdict.warnings)


def log(
    results: Sequence[Mapping[str, Any]], rules: Sequence[Mapping[str, Any]], version: str, warnings: Sequence[str]
) -> str:
    """A SARIF log with one run of this ``version`` of fanin."""
    driver = {"name": "fanin", "version": version, "rules": rules}
    notifications = [{"level": "warning", "message": {"text": text}} for text in warnings]
    invocation = {"executionSuccessful": True, "toolConfigurationNotifications": notifications}
    run = {
        "tool": {"driver": driver},
        "results": results,
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def rule_descriptor(rule: AnyRule) -> dict[str, Any]:
    """A rule as a SARIF reportingDescriptor."""
    title, what, *_ = rule.document.strip().split("\n\n")
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": title.partition(": ")[2]},
        "fullDescription": {"text": " ".join(what.splitlines()[2:])},  # below its heading
        "help": {"text": rule.document},
    }


def result(level: str, problem: BudgetProblem, settings: str) -> dict[str, Any]:
    """A problem as a SARIF result; ``level`` is `error`, `warning` or `note`."""
    identity = (problem.code, problem.route, problem.finding.key if problem.finding else "")
    return {
        "ruleId": problem.code,
        "level": level,
        "message": {"text": "\n".join(_text(problem)).replace("](", "] (")},  # "](" would make a link (§3.11.6)
        "locations": [_location(problem, settings)],
        "partialFingerprints": {"fanin/v1": sha256(repr(identity).encode()).hexdigest()},
        "properties": {"route": problem.route, "trace": problem.trace, "recording": problem.source},
    }


def _text(problem: BudgetProblem) -> Iterator[str]:
    where = f" (route {problem.route})" if problem.route else ""
    yield problem.what + where
    if problem.finding is not None:
        yield from finding_lines(problem.finding)


def _location(problem: BudgetProblem, settings: str) -> dict[str, Any]:
    name = problem.finding.fingerprint if problem.finding else problem.route
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}]}
    if source := source_line(problem):
        region = {"startLine": source[1]}
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(source[0])}, "region": region}
    elif settings:
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(settings)}, "region": {"startLine": 1}}
    return location
