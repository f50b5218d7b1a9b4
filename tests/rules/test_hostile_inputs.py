"""Whatever a client writes for a name, the code of every fix is code: names are quoted, never run, in all languages."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.findings.report import finding_lines
from rules import TRAFFIC_RULES
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS
from tests.rules.test_documents import requests, section
from tests.rules.traces import found, told

if TYPE_CHECKING:
    from proxy.analysis.rule import AnyRule
    from proxy.findings.model import Finding

NAMES = (*HOSTILE_NAMES, *HOSTILE_TEXTS)


def named(rule: AnyRule, name: str) -> list[Finding]:
    """What the rule finds in its own example, where the relation and a column are called ``name``."""
    lines = []
    for line in requests(section(rule, "Example")):
        method, slash, rest = line.partition("/")
        relation, mark, query = rest.partition("?")
        own = relation if relation.startswith("rpc/") else quote(name, safe="") + relation
        lines.append(f"{method}{slash}{own}{mark}{query.replace('status=', quote(name, safe='') + '=')}")
    traces = [replace(trace, route=name) for trace in told(lines)]
    return found(rule, traces)


@pytest.mark.parametrize("rule", TRAFFIC_RULES, ids=lambda rule: str(rule.code))
def test_fixes_are_code_whatever_the_names(rule: AnyRule) -> None:
    made = {finding.fix for name in NAMES for finding in named(rule, name)}
    assert made or rule.code == "FAN007", "only FAN007 goes by what names say"
    for fix in made:
        compile(fix.supabase_py, "fix", "exec")
        for statement in sqlglot.parse(fix.sql, dialect="postgres"):
            assert (
                statement is None or "drop table" not in statement.sql(dialect="postgres", identify=False).lower()[:10]
            )
    code = "\n".join(f"{{\n{fix.supabase_js}\n}}" for fix in made if "import " not in fix.supabase_js)
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr[:2000]


@pytest.mark.parametrize("rule", TRAFFIC_RULES, ids=lambda rule: str(rule.code))
def test_no_name_reaches_a_terminal_as_more_than_text(rule: AnyRule) -> None:
    for name in NAMES:
        for finding in named(rule, name):
            assert all(line.isprintable() for line in finding_lines(finding)), name
