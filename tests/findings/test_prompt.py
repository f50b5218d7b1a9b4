"""A prompt has the finding, the code and the acceptance check, and neither a value nor a token."""

from __future__ import annotations

import re
import tomllib

import pytest
from msgspec.structs import replace

from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.findings.prompt import prompt
from tests.mcp.injections import INJECTIONS, MARK

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.RD92_tY1lnsKrGfK"
JS = "const a = 1;\n```\nb()"
SECRETS = (JWT, "0bfe4ce1-213d-19e9-b92b-405b6015264c", "a.b@example.com", "sb_secret_abcDEF123")
FINDING = Finding(
    code="FAN002",
    impact="MEDIUM",
    confidence="high",
    title="12 reads of creators one after another, one for each id",
    relation="public.creators",
    fingerprint="GET creators?select=id,handle&id=eq.?",
    route="GET /creators",
    caller="app/load.py:7",
    problem="The application asks for creators once per id.",
    current="12 requests",
    evidence=("12 requests differ only in id",),
    fix=Fix(
        sql="select id from creators where id = any($1);", supabase_js="const a = 1;\n```\nb()", reason="no Python"
    ),
    expected="1 request",
    risk="Rows are read at one moment.",
)


def data_of(text: str) -> tuple[str, str]:
    """The recorded part of a prompt, and the rest."""
    blocks = re.findall(r"^(?:# )?BEGIN DATA ([0-9a-f]{16})$.*?^(?:# )?END DATA \1$", text, re.MULTILINE | re.DOTALL)
    inside = ""
    for boundary in blocks:
        begin, end = (re.search(rf"^(?:# )?{word} DATA {boundary}$", text, re.MULTILINE) for word in ("BEGIN", "END"))
        assert begin is not None
        assert end is not None
        inside += text[begin.start() : end.end()]
        text = text[: begin.start()] + text[end.end() :]
    return inside, text


def test_a_prompt_has_the_finding_the_code_and_the_check() -> None:
    inside, rest = data_of(prompt(FINDING))
    for part in (FINDING.title, FINDING.route, FINDING.caller, FINDING.fingerprint, FINDING.risk, FINDING.fix.sql):
        assert part in inside
    assert "fanin check --traces new-traces.jsonl --budgets accept.toml --fail-on never --strict" in rest
    assert "- Code that is not given: no Python" in inside


def test_the_check_is_a_budget_that_forbids_the_rule_on_the_route() -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", prompt(FINDING), re.DOTALL)
    assert tomllib.loads(toml) == {"budget": [{"route": "GET /creators", "forbid": ["FAN002"]}]}


def test_a_fence_is_longer_than_those_in_the_code() -> None:
    assert "````js\nconst a = 1;\n```\nb()\n````" in prompt(FINDING)


@pytest.mark.parametrize("field", ["route", "caller", "fingerprint", "relation", "title", "problem", "risk"])
@pytest.mark.parametrize(
    "secret", [JWT, "0bfe4ce1-213d-19e9-b92b-405b6015264c", "a.b@example.com", "sb_secret_abcDEF123"]
)
def test_no_value_and_no_token_is_in_it(field: str, secret: str) -> None:
    assert secret not in prompt(replace(FINDING, **{field: f"GET /x/{secret} y"}))


def test_code_has_no_token() -> None:
    assert JWT not in prompt(replace(FINDING, fix=Fix(supabase_js=f"const token = '{JWT}';")))


@pytest.mark.parametrize("text", INJECTIONS)
def test_recorded_text_stands_between_the_markers(text: str) -> None:
    fields = ("route", "caller", "fingerprint", "relation", "title", "problem", "risk", "current", "expected")
    inside, rest = data_of(prompt(replace(FINDING, evidence=(text,), **dict.fromkeys(fields, text))))
    assert MARK not in rest
    assert all(line.isprintable() for line in inside.split("\n"))


def test_without_a_route_or_with_a_masked_one_the_check_is_of_the_rule() -> None:
    for route in ("", "GET /orders/123"):
        told = prompt(replace(FINDING, route=route))
        assert "accept.toml" not in told
        assert "--fail-on low --strict" in told


def test_a_finding_about_the_database_is_checked_by_an_audit() -> None:
    told = prompt(replace(FINDING, fingerprint="", object=DatabaseObject("table", "public", "creators")))
    assert "`fanin audit`, with the URI of the database" in told
