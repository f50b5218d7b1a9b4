"""The end of a head is found in linear time, however it arrives, within limits."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.head_scanner import (
    MAX_EMPTY_LINES,
    MAX_RESPONSE_HEAD,
    MAX_RESPONSE_LINES,
    HeadLimits,
    HeadScanner,
    ResponseHeadScanner,
    begins_status_line,
)

LIMITS = HeadLimits(1000, 10_000, lambda target: target.startswith(b"/rest/"))
HEADERS = b"\r\nHost: h\r\nX: y"


def long_head(size: int, start: bytes = b"GET /rest/t?id=in.(") -> bytes:
    """A head of ``size`` bytes whose target makes it long."""
    rest = b") HTTP/1.1" + HEADERS
    return start + b"1" * (size - len(start) - len(rest)) + rest


class Counted(bytearray):
    """A buffer that counts the bytes that are searched."""

    searched = 0

    def find(self, what: Any, start: Any = 0, end: Any = None) -> int:
        index = super().find(what, start) if end is None else super().find(what, start, end)
        self.searched += (len(self) if index < 0 else index) - start
        return index

    def count(self, what: Any, start: Any = 0, end: Any = None) -> int:
        self.searched += len(self) - start
        return super().count(what, start)


def search(head: bytes, size: int, buffer: bytearray, limits: HeadLimits = LIMITS) -> tuple[int, bool]:
    """The end of ``head`` when it arrives in pieces of ``size`` bytes, and whether it was long."""
    scanner = HeadScanner(limits)
    for at in range(0, len(head), size):
        buffer += head[at : at + size]
        end = scanner.find_end(buffer)
        if end >= 0:
            return end, scanner.is_long
    return -1, scanner.is_long


def bypass_reason(head: bytes, size: int) -> FaultError:
    with pytest.raises(FaultError) as raised:
        search(head, size, bytearray())
    return raised.value


@pytest.mark.parametrize("piece", [1, 7, 999, 1 << 20])
@pytest.mark.parametrize("length", [100, 1000, 1001, 10_000])
def test_the_end_of_a_head_within_its_limit_is_found_in_any_pieces(length: int, piece: int) -> None:
    head = long_head(length)
    assert search(head + b"\r\n\r\nGET /next", piece, bytearray()) == (length, length > 1000)


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize(("length", "start"), [(1001, b"POST /rest/t?id=in.("), (10_001, b"GET /rest/t?id=in.(")])
def test_a_head_with_one_byte_too_many_is_an_error(length: int, start: bytes, piece: int) -> None:
    assert bypass_reason(long_head(length, start) + b"\r\n\r\n", piece).fault.code == "FANIN109"


@pytest.mark.parametrize("piece", [1, 7, 999, 1 << 20])
@pytest.mark.parametrize(
    ("head", "limit"),
    [
        (long_head(10_004), "limits.long_head_bytes"),
        (long_head(1004, b"POST /rest/t?id=in.("), "limits.head_bytes"),
        (long_head(1004, b"GETS /rest/t?id=in.("), "limits.head_bytes"),
        (long_head(1004, b"GET /auth/t?id=in.("), "limits.head_bytes"),
        (b"GET /rest/t HTTP/1.1\r\nX: " + b"y" * 1000, "limits.head_bytes, without the request line"),
        (long_head(1001) + b"\r\nX: " + b"y" * 1000, "limits.head_bytes, without the request line"),
    ],
)
def test_the_error_names_the_limit_that_a_head_exceeds(head: bytes, limit: str, piece: int) -> None:
    for complete in (head, head + b"\r\n\r\n"):
        error = bypass_reason(complete, piece)
        assert (error.fault.code, error.details) == ("FANIN109", limit)


@pytest.mark.parametrize("piece", [1, 100, 4096])
def test_no_byte_is_searched_more_than_a_few_times(piece: int) -> None:
    head = long_head(9_000) + b"\r\n\r\n"
    buffer = Counted()
    assert search(head, piece, buffer) == (9_000, True)
    overlaps = 8 * len(head) // piece
    assert buffer.searched <= 4 * len(head) + overlaps


@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_empty_lines_before_a_head_are_dropped(piece: int) -> None:
    assert search(b"\r\n\r\n\r\nGET / HTTP/1.1" + HEADERS + b"\r\n\r\n", piece, bytearray()) == (29, False)


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\nHost: h\n\n", long_head(2000).replace(b"\r\nX", b"\nX")])
@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_a_bare_line_feed_is_an_error_before_the_head_ends(head: bytes, piece: int) -> None:
    assert bypass_reason(head, piece).fault.code == "FANIN102"


@pytest.mark.parametrize("piece", [1, 2, 3, 1 << 20])
def test_endless_empty_lines_before_a_head_are_an_error(piece: int) -> None:
    assert search(b"\r\n" * MAX_EMPTY_LINES + b"GET", piece, bytearray()) == (-1, False)
    buffer = bytearray()
    with pytest.raises(FaultError, match="FANIN101"):
        search(b"\r\n" * 100_000, piece, buffer)
    assert piece > 3 or len(buffer) <= 4


# Heads of answers.


def find_in_answer(data: bytes, piece: int, buffer: bytearray | None = None) -> int:
    """Where the head of an answer ends that arrives in pieces."""
    scanner, arrived = ResponseHeadScanner(), bytearray() if buffer is None else buffer
    for at in range(0, len(data), piece):
        arrived += data[at : at + piece]
        if (end := scanner.find_end(arrived)) >= 0:
            return end
    return -1


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0"


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_the_end_of_an_answers_head_is_found_in_any_pieces(piece: int) -> None:
    assert find_in_answer(ANSWER + b"\r\n\r\nHTTP/1.1", piece) == len(ANSWER)
    assert find_in_answer(ANSWER + b"\r\n\r", piece) == -1


@pytest.mark.parametrize("piece", [1, 4096, 1 << 20])
def test_an_answers_head_is_limited_however_it_arrives(piece: int) -> None:
    head = ANSWER + b"\r\nX: "
    head += b"x" * (MAX_RESPONSE_HEAD - len(head))
    assert find_in_answer(head + b"\r\n\r\n", piece) == MAX_RESPONSE_HEAD
    with pytest.raises(FaultError, match="FANIN503"):
        find_in_answer(head + b"x\r\n\r\n", piece)


def test_the_lines_of_an_answers_head_are_limited() -> None:
    head = b"HTTP/1.1 200 OK" + b"\r\na:" * MAX_RESPONSE_LINES
    assert find_in_answer(head + b"\r\n\r\n", 1 << 20) == len(head)
    with pytest.raises(FaultError, match="FANIN503"):
        find_in_answer(head + b"\r\na:\r\n\r\n", 1 << 20)


@pytest.mark.parametrize("piece", [1, 100])
def test_no_byte_of_an_answer_is_searched_more_than_a_few_times(piece: int) -> None:
    head = ANSWER + b"\r\nX: " + b"x" * 9000 + b"\r\n\r\n"
    buffer = Counted()
    assert find_in_answer(head, piece, buffer) == len(head) - 4
    assert buffer.searched <= 4 * len(head) + 8 * len(head) // piece


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 ", b"HTTP/1.1 299\r\n", b"HTTP/1.1 999 x"])
def test_every_beginning_of_a_status_line_is_one(line: bytes) -> None:
    assert all(begins_status_line(line[:size]) for size in range(len(line) + 1))


@pytest.mark.parametrize(
    ("answer", "certain_after"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", 1),
        (b"220 mail.example ESMTP\r\n", 1),
        (b"\r\nHTTP/1.1 200 OK\r\n", 1),
        (b"\x15\x03\x01\x00\x02\x02\x46", 1),
        (b"<html>", 1),
        (b"HTTP/2.0 200 OK\r\n", 6),
        (b"HTTP/1.2 200 OK\r\n", 8),
        (b"HTTP/1.1200 OK\r\n", 9),
        (b"HTTP/1.1  200 OK\r\n", 10),
        (b"HTTP/1.1 099 OK\r\n", 10),
        (b"HTTP/1.1 OK 200\r\n", 10),
        (b"HTTP/1.1 2000 OK\r\n", 13),
        (b"http/1.1 200 OK\r\n", 1),
        (b"ICY 200 OK\r\n", 1),
    ],
)
def test_an_answer_that_is_no_http_is_an_error_at_its_first_wrong_byte(answer: bytes, certain_after: int) -> None:
    scanner, buffer = ResponseHeadScanner(), bytearray(answer[: certain_after - 1])
    assert scanner.find_end(buffer) == -1
    buffer += answer[certain_after - 1 : certain_after]
    with pytest.raises(FaultError, match="FANIN503"):
        scanner.find_end(buffer)


@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_a_bare_line_feed_in_an_answers_head_is_an_error_before_the_head_ends(piece: int) -> None:
    with pytest.raises(FaultError, match="FANIN503"):
        find_in_answer(b"HTTP/1.1 200 OK\nX: y\n\n", piece)
