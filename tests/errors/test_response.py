"""fanin's own error answers: in PostgREST's shape, with Retry-After if the request can be repeated."""

from __future__ import annotations

import json

import pytest

from proxy.errors.codes import FAULTS, NOT_SENT_CODES, FaultError
from proxy.errors.response import body_of, response_of

NOT_SENT = ("FANIN112", "FANIN501", "FANIN505", "FANIN507", "FANIN509", "FANIN512", "FANIN513")


@pytest.mark.parametrize("code", FAULTS)
def test_an_error_has_postgrests_fields_in_postgrests_order(code: str) -> None:
    error = FaultError(code, "where")
    assert list(json.loads(body_of(error))) == ["code", "details", "hint", "message"]
    head, _, body = response_of(error, b"X: y\r\n").partition(b"\r\n\r\n")
    assert body == body_of(error)
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 %d %b" % (error.fault.status, error.fault.reason.encode())
    assert lines[1] == b"Content-Type: application/json; charset=utf-8"
    assert lines[2] == b"Content-Length: %d" % len(body)
    assert (b"Retry-After: 1" in lines) == (error.fault.code in NOT_SENT_CODES)
    assert b"X: y" in lines
    assert lines[-1] == b"Connection: close"


def test_an_error_on_a_kept_connection_has_no_connection_close() -> None:
    assert b"Connection" not in response_of(FaultError("FANIN501"), keep=True)


def test_the_answer_to_head_has_a_content_length_and_no_body() -> None:
    error = FaultError("FANIN501")
    answer = response_of(error, keep=True, method=b"HEAD")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body_of(error)) in answer


@pytest.mark.parametrize("code", FAULTS)
def test_retry_after_is_sent_only_if_the_request_can_be_repeated_safely(code: str) -> None:
    def has_retry_after(method: bytes) -> bool:
        return b"Retry-After" in response_of(FaultError(code), method=method)

    assert has_retry_after(b"POST") == has_retry_after(b"PATCH") == (code in NOT_SENT)
    assert has_retry_after(b"GET") == has_retry_after(b"HEAD") == (code in (*NOT_SENT, "FANIN502"))
    assert has_retry_after(b"POST") or FAULTS[code].status != 503
