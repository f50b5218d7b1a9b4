"""Lines of an answer that repeat a header of the request: each caller gets its own value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.model import FallbackReason, Slice
from proxy.postgrest.response.echoes import ShareableLines, shareable_lines, trace_header, with_own_values
from proxy.postgrest.response.gateway import POSTGREST
from proxy.postgrest.response.headers import READ_HEADERS
from tests.factories import fields, head

if TYPE_CHECKING:
    from proxy.http1.head import HeaderField

SERVER = "Date: now\nServer: postgrest/12.0.2\n"
RANGE = "\nContent-Range: 0-0/*\nContent-Location: /t"


def shared(answer: str, *requests: str) -> ShareableLines[HeaderField] | FallbackReason:
    heads = [head(f"Host: h\n{lines}" if lines else "Host: h") for lines in requests]
    return shareable_lines(fields(answer), READ_HEADERS, POSTGREST, heads)


def own_head(answer: str, requests: tuple[str, ...], at: int) -> bytes:
    found = shared(answer, *requests)
    assert isinstance(found, ShareableLines)
    lines = b"\r\n".join([b"HTTP/1.1 200 OK", *(field.line for field in fields(answer)), b""])
    return with_own_values(Slice(lines, b"", 0, echoes=found.echoes), head(f"Host: h\n{requests[at]}")).head


@pytest.mark.parametrize(
    ("requests", "line"),
    [
        (("x-request-id: a", "X-REQUEST-ID:   b"), b"X-Request-Id: b"),
        (("X-Request-Id: a", ""), b"X-Request-Id: "),
        (("X-Request-Id: a", "X-Request-Id:"), b"X-Request-Id: "),
        (("X-Request-Id: a", "X-Request-Id: b \t"), b"X-Request-Id: b \t"),
        (("X-Request-Id: a", "X-Request-Id: b\nX-Request-Id: c"), b"X-Request-Id: b"),
        (("X-Request-Id: a", "X-Not-X-Request-Id: b\nX-Request-Id: c"), b"X-Request-Id: c"),
    ],
)
def test_each_request_gets_the_value_that_postgrest_would_repeat(requests: tuple[str, str], line: bytes) -> None:
    answer = SERVER + "X-Request-Id: a" + RANGE
    expected = b"HTTP/1.1 200 OK\r\nDate: now\r\nServer: postgrest/12.0.2\r\n" + line
    assert own_head(answer, requests, 1).startswith(expected + b"\r\nContent-Range: ")


def test_a_value_is_given_to_those_who_sent_none_only_by_postgrest_itself() -> None:
    assert isinstance(shared(SERVER + "X-Request-Id: " + RANGE, "", "X-Request-Id: b"), ShareableLines)
    behind = "Server: nginx" + RANGE + "\nX-Request-Id: a"
    assert isinstance(shared(behind, "X-Request-Id: a", "X-Request-Id: b"), ShareableLines)
    assert shared(behind, "X-Request-Id: a", "") == FallbackReason("headers", "x-request-id")


@pytest.mark.parametrize(
    "line", ["X-Request-Id: other", "X-Request-Id: a\nX-Request-Id: a", "X-Film: a", "X-Request-Id: "]
)
def test_another_value_is_no_echo(line: str) -> None:
    name = line.partition(":")[0].lower()
    answer = SERVER.rstrip() + RANGE + "\n" + line
    assert shared(answer, "X-Request-Id: a", "X-Request-Id: b") == FallbackReason("headers", name)


def test_a_gateway_that_trims_values_trims_those_of_all() -> None:
    answer = "Server: nginx" + RANGE + "\nX-Request-Id: a"
    assert own_head(answer, ("X-Request-Id: a ", "X-Request-Id: b "), 1).endswith(b"\r\nX-Request-Id: b\r\n")


def test_an_answer_of_many_unknown_lines_is_not_searched_for_echoes_of_long_requests() -> None:
    requests = [f"X-0: a\nX: {'x' * 4000}"] * 100
    few, many = ("\n".join(f"X-{number}: a" for number in range(count)) for count in (1, 100))
    assert isinstance(shared(few, *requests), ShareableLines)
    assert isinstance(shared(many, *requests), FallbackReason)
    assert isinstance(shared(many, "X-0: a"), FallbackReason)


def test_an_answer_without_such_a_line_stays_the_same_object() -> None:
    answer = Slice(b"HTTP/1.1 200 OK\r\n", b"", 0)
    assert with_own_values(answer, head()) is answer


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (SERVER + "X-Id: a" + RANGE, b"x-id"),
        (SERVER + "X-Id: b" + RANGE, b""),
        (SERVER + "X-Id: " + RANGE, b""),
        (SERVER + "Content-Range: 0-0/*\nX-Id: a", b""),
        (SERVER + "X-Id: a\nX-More: a\nContent-Range: */*", b""),
        ("Server: nginx\nX-Id: a" + RANGE, b""),
        ("X-Id: a" + RANGE, b""),
        (SERVER + "X-Id: a", b""),
        (SERVER.rstrip(), b""),
    ],
)
def test_postgrests_trace_header_is_known_by_its_place(answer: str, found: bytes) -> None:
    assert trace_header(fields(answer), head("Host: h\nX-Id: a")) == found
