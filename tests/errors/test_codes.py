"""The tables of codes and reasons are complete, and every code is used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import proxy
from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.settings.declared import declared

SOURCES = [path for path in Path(proxy.__file__).parent.rglob("*.py") if "node_modules" not in path.parts]


@pytest.mark.parametrize("code", FAULTS)
def test_every_code_says_what_happened_and_what_to_do(code: str) -> None:
    fault = FAULTS[code]
    assert fault.code == code
    assert 400 <= fault.status < 600
    assert len(fault.message) > 15
    assert not fault.message.endswith(".")
    assert fault.hint.endswith(".")
    assert fault.reason.isascii()


@pytest.mark.parametrize(
    "table", [BYPASS_REASONS, BYPASS_REMEDIES, FALLBACK_REASONS, FALLBACK_REMEDIES, COMPARISON_RESULTS]
)
def test_every_reason_has_its_text(table: dict[str, str]) -> None:
    for reason, text in table.items():
        assert reason == reason.lower().replace(" ", "-")
        assert text.endswith(".")


def test_every_bypass_reason_has_a_remedy() -> None:
    assert BYPASS_REMEDIES.keys() == BYPASS_REASONS.keys()


def test_every_fallback_reason_has_a_remedy() -> None:
    assert FALLBACK_REMEDIES.keys() == FALLBACK_REASONS.keys()


@pytest.mark.parametrize("text", [*BYPASS_REMEDIES.values(), *FALLBACK_REMEDIES.values()])
def test_every_setting_that_a_remedy_names_exists(text: str) -> None:
    known = set(declared())
    sections = {name.partition(".")[0] for name in known if "." in name}
    named = [name for name in re.findall(r"[a-z_]+\.[a-z0-9_]+", text) if name.partition(".")[0] in sections]
    assert set(named) <= known


def test_the_table_has_exactly_the_codes_that_are_raised() -> None:
    strings = {
        node.value
        for path in SOURCES
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for text in strings if re.fullmatch(r"FANIN\d{3}", text)} == set(FAULTS)
