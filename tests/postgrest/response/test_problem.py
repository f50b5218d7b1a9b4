"""PostgREST's errors, as far as merging reads them."""

from __future__ import annotations

import json

import pytest

from proxy.postgrest.response.problem import ErrorBody, bad_value, read_error_body


def test_code_and_message_are_parsed() -> None:
    body = json.dumps({"code": "42703", "details": None, "hint": None, "message": "no"}).encode()
    assert read_error_body(body) == ErrorBody("42703", "no")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"code":1}', b'{"message":null}', b'{"code":"\xff"}', b"null"]
)
def test_other_bodies_give_an_empty_error(body: bytes) -> None:
    assert read_error_body(body) == ErrorBody()


@pytest.mark.parametrize(
    ("code", "message", "blamed"),
    [
        ("22P02", 'invalid input syntax for type integer: "abc"', ("integer", "abc")),
        ("22P02", 'invalid input syntax for type uuid: "7"', ("uuid", "7")),
        ("22P02", 'invalid input syntax for type integer: "a"b"', ("integer", 'a"b')),
        ("22003", 'value "99999999999" is out of range for type integer', ("integer", "99999999999")),
        ("22003", 'value "99999" is out of range for type smallint', ("smallint", "99999")),
        ("22007", 'invalid input syntax for type date: "5"', ("date", "5")),
        ("22003", "integer out of range", None),
        ("22P02", 'malformed range literal: "5"', None),
        ("42703", 'invalid input syntax for type integer: "abc"', None),
        ("22P02", "", None),
    ],
)
def test_a_bad_value_is_found_with_its_type(code: str, message: str, blamed: tuple[str, str] | None) -> None:
    assert bad_value(ErrorBody(code, message)) == blamed
