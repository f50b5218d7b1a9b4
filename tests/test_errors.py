"""The table of codes: complete, used, and in PostgREST's shape."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import proxy
from proxy.errors import COMPARED, DOUBTS, FAULTS, REFUSALS, REMEDIES, FaultError, body_of, response_of

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


@pytest.mark.parametrize("table", [REFUSALS, REMEDIES, DOUBTS, COMPARED])
def test_every_reason_has_its_text(table: dict[str, str]) -> None:
    for reason, text in table.items():
        assert reason == reason.lower().replace(" ", "-")
        assert text.endswith(".")


def test_every_refusal_says_how_to_change_the_call() -> None:
    assert REMEDIES.keys() == REFUSALS.keys()


def test_every_code_that_is_raised_is_in_the_table_and_every_one_in_it_is_raised() -> None:
    strings = {
        node.value
        for path in SOURCES
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for text in strings if re.fullmatch(r"FANIN\d{3}", text)} == set(FAULTS)


@pytest.mark.parametrize("code", FAULTS)
def test_an_error_has_postgrests_shape_and_members_in_its_order(code: str) -> None:
    error = FaultError(code, "where")
    assert list(json.loads(body_of(error))) == ["code", "details", "hint", "message"]
    head, _, body = response_of(error, b"X: y\r\n").partition(b"\r\n\r\n")
    assert body == body_of(error)
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 %d %b" % (error.fault.status, error.fault.reason.encode())
    assert lines[1] == b"Content-Type: application/json; charset=utf-8"
    assert lines[2] == b"Content-Length: %d" % len(body)
    assert (b"Retry-After: 1" in lines) == (error.fault.status == 503)
    assert b"X: y" in lines
    assert lines[-1] == b"Connection: close"


def test_an_error_on_a_connection_that_stays_does_not_say_close() -> None:
    assert b"Connection" not in response_of(FaultError("FANIN501"), keep=True)


def test_the_answer_to_head_has_the_length_and_no_body() -> None:
    error = FaultError("FANIN501")
    answer = response_of(error, keep=True, bodiless=True)
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body_of(error)) in answer
