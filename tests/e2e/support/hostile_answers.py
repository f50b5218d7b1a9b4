"""Answers that no HTTP server should give, by kind: what upstream sends for one request, and what it does then."""

from __future__ import annotations

from typing import NamedTuple

OK = b"HTTP/1.1 200 OK\r\n"
OWN = OK + b"Content-Length: 7\r\n\r\nforeign"
"""A whole answer that nobody asked for."""
CODED = OK + b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"


class Hostile(NamedTuple):
    """``pieces`` are sent in turns of the event loop of their own; ``then`` is stay, close or reset."""

    pieces: tuple[bytes, ...]
    then: str = "stay"


def one(data: bytes, then: str = "stay") -> Hostile:
    return Hostile((data,), then)


NO_HTTP = {
    "nothing and a close": one(b"", "close"),
    "nothing and a reset": one(b"", "reset"),
    "one byte and a close": one(b"H", "close"),
    "SSH": one(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "SMTP": one(b"220 mail.example ESMTP\r\n"),
    "a TLS alert": one(b"\x15\x03\x01\x00\x02\x02\x46"),
    "frames of HTTP/2": one(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18),
    "a page without a head": one(b"<html>foreign</html>"),
    "a page and a close": one(b"<html>foreign</html>", "close"),
    "NULs": one(b"\x00" * 5000),
    "a request": one(b"GET /foreign HTTP/1.1\r\nHost: h\r\n\r\n"),
}
STATUS_LINES = {
    name: one(line + b"\r\nContent-Length: 0\r\n\r\n")
    for name, line in {
        "HTTP/2": b"HTTP/2.0 200 OK",
        "HTTP/1.2": b"HTTP/1.2 200 OK",
        "HTTP/0.9": b"HTTP/0.9 200 OK",
        "lower case": b"http/1.1 200 OK",
        "no version": b"HTTP/ 200 OK",
        "two blanks": b"HTTP/1.1  200 OK",
        "a tab": b"HTTP/1.1\t200 OK",
        "two digits": b"HTTP/1.1 20 OK",
        "four digits": b"HTTP/1.1 2000 OK",
        "a status below 100": b"HTTP/1.1 099 OK",
        "a status of letters": b"HTTP/1.1 2OO OK",
        "a negative status": b"HTTP/1.1 -20 OK",
        "a NUL in the reason": b"HTTP/1.1 200 O\x00K",
        "a CR in the reason": b"HTTP/1.1 200 O\rK",
        "an empty line before it": b"\r\nHTTP/1.1 200 OK",
        "a byte order mark": b"\xef\xbb\xbfHTTP/1.1 200 OK",
        "ICY": b"ICY 200 OK",
        "a status of 999": b"HTTP/1.1 999 x",
        "no reason": b"HTTP/1.1 200",
        "bytes above ASCII": b"HTTP/1.1 200 \xe9\xff",
    }.items()
}
HEADS = {
    "bare LF": one(b"HTTP/1.1 200 OK\nContent-Length: 7\n\nforeign"),
    "bare LF in one line": one(OK + b"X: y\nContent-Length: 0\r\n\r\n"),
    "bare CR in one line": one(OK + b"X: y\rContent-Length: 0\r\n\r\n"),
    "a folded line": one(OK + b"X: y\r\n Content-Length: 0\r\n\r\n"),
    "a NUL in a value": one(OK + b"X: \x00\r\nContent-Length: 0\r\n\r\n"),
    "no colon": one(OK + b"nonsense\r\nContent-Length: 0\r\n\r\n"),
    "no name": one(OK + b": x\r\nContent-Length: 0\r\n\r\n"),
    "a blank before the colon": one(OK + b"Content-Length : 7\r\n\r\nforeign"),
    "a blank in a name": one(OK + b"Content Length: 7\r\n\r\nforeign"),
    "half a head": one(OK + b"Content-"),
    "half a head and a close": one(OK + b"Content-", "close"),
    "half a head and a reset": one(OK + b"Content-", "reset"),
    "300 kB at once": one(OK + b"X: " + b"x" * 300_000 + b"\r\nContent-Length: 0\r\n\r\n"),
    "40,000 lines": one(OK + b"a:b\r\n" * 40_000 + b"Content-Length: 0\r\n\r\n"),
    "an endless line": one(OK + b"X: " + b"x" * 900_000),
    "a head in two turns": Hostile((OK + b"Content-Le", b"ngth: 7\r\n\r\nhostile")),
    "Connection names the length": one(OK + b"Connection: content-length\r\nContent-Length: 7\r\n\r\nhostile"),
    "a long list in Connection": one(OK + b"Connection: " + b"x," * 5000 + b"close\r\nContent-Length: 0\r\n\r\n"),
    "Connection: close, and it stays": one(OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n"),
    "an upgrade": one(OK + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"),
    "HTTP/1.0 and keep-alive": one(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"),
}
LENGTHS = {
    f"a length of {value!r}": one(OK + b"Content-Length:" + value + b"\r\n\r\nforeign")
    for value in (b"", b"+7", b"-7", b"0x7", b"7,7", b"7, 8", b"7 7", b"7;", b"7.0", b"1" * 30, b"\xd9\xa7")
} | {
    "a length with zeros": one(OK + b"Content-Length: 007\r\n\r\nhostile"),
    "a length between tabs": one(OK + b"Content-Length:\t7\t\r\n\r\nhostile"),
    "the same length twice": one(OK + b"Content-Length: 7\r\nContent-Length: 7\r\n\r\nforeign"),
    "two lengths": one(OK + b"Content-Length: 0\r\nContent-Length: 7\r\n\r\nforeign"),
    "more than the length": one(OK + b"Content-Length: 3\r\n\r\nforeign"),
    "less than the length": one(OK + b"Content-Length: 30\r\n\r\nforeign"),
    "less than the length and a close": one(OK + b"Content-Length: 30\r\n\r\nforeign", "close"),
    "less than the length and a reset": one(OK + b"Content-Length: 30\r\n\r\nforeign", "reset"),
    "no length, and it stays": one(OK + b"\r\nforeign"),
    "no length and a reset": one(OK + b"\r\nforeign", "reset"),
    "a length and a coding": one(OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + END + b"foreign"),
    "a coding and a length": one(CODED + b"Content-Length: 100\r\n\r\n" + END),
}
CODINGS = (
    {
        f"a coding of {value!r}": one(OK + b"Transfer-Encoding:" + value + b"\r\n\r\n7\r\nforeign\r\n" + END)
        for value in (
            b"",
            b",",
            b"gzip",
            b"gzip, chunked",
            b"chunked, chunked",
            b"identity",
            b'"chunked"',
            b"chunked;q=1",
            b"\x0bchunked",
        )
    }
    | {
        f"a coding of {value!r}": one(OK + b"Transfer-Encoding:" + value + b"\r\n\r\n7\r\nhostile\r\n" + END)
        for value in (b"chunked ", b"chunked\t", b",chunked,", b"ChunKed", b"chunked\r\nTransfer-Encoding:")
    }
    | {
        "chunked in HTTP/1.0": one(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nforeign\r\n" + END),
    }
)
CHUNKS = {
    f"a chunk: {name}": one(CODED + b"\r\n3\r\nabc\r\n" + chunk)
    for name, chunk in {
        "no hex": b"x\r\nforeign\r\n" + END,
        "0x": b"0x3\r\nabc\r\n" + END,
        "minus": b"-3\r\nabc\r\n" + END,
        "a blank": b"3 \r\nabc\r\n" + END,
        "bare LF": b"3\nabc\n0\n\n",
        "too large": b"f" * 17 + b"\r\nforeign",
        "larger than the answer": b"fffff\r\nforeign",
        "more than announced": b"3\r\nforeign\r\n" + END,
        "an endless extension": b"3;" + b"x" * 9000,
        "long extensions": (b"1;" + b"x" * 4000 + b"\r\na\r\n") * 9 + END,
        "endless trailers": b"0\r\n" + b"x:y\r\n" * 5000,
        "a length in the trailers": b"0\r\nContent-Length: 7\r\n\r\nforeign",
        "an answer behind the last": END + OWN,
        "thousands of one byte": b"1\r\na\r\n" * 20_000 + END,
    }.items()
} | {
    "half a chunk": one(CODED + b"\r\n9\r\nabc"),
    "half a chunk and a close": one(CODED + b"\r\n9\r\nabc", "close"),
    "half a chunk and a reset": one(CODED + b"\r\n9\r\nabc", "reset"),
    "no last chunk and a close": one(CODED + b"\r\n3\r\nabc\r\n", "close"),
}
SEQUENCES = {
    "two answers at once": one(OK + b"Content-Length: 2\r\n\r\nok" + OWN),
    "two answers in two turns": Hostile((OK + b"Content-Length: 2\r\n\r\nok", OWN)),
    "an empty answer and another one": one(OK + b"Content-Length: 0\r\n\r\n" + OWN),
    "ten answers": one(OWN.replace(b"foreign", b"hostile") + OWN * 9),
    "one byte too many": one(OK + b"Content-Length: 2\r\n\r\nok\n"),
    "204 with a length and a body": one(b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nforeign"),
    "204 with chunks": one(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nforeign\r\n" + END),
    "204, and its body later": Hostile((b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", b"foreign")),
    "204 and another answer": one(b"HTTP/1.1 204 No Content\r\n\r\n" + OWN),
    "304 with a body": one(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\nforeign"),
    "304, and its body later": Hostile((b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b"foreign")),
    "304 and another answer": one(b"HTTP/1.1 304 Not Modified\r\n\r\n" + OWN),
    "a flood of 1xx": one(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 20_000),
    "1xx and a close": one(b"HTTP/1.1 103 Early Hints\r\n\r\n", "close"),
    "1xx and nothing": one(b"HTTP/1.1 102 Processing\r\n\r\n"),
    "1xx with a length": one(b"HTTP/1.1 103 E\r\nContent-Length: 7\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok"),
    "1xx with a body": one(b"HTTP/1.1 100 C\r\nContent-Length: 7\r\n\r\nforeign" + OWN),
    "1xx with a coding": one(
        b"HTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok"
    ),
    "1xx behind the answer": one(OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 103 Early Hints\r\n\r\n"),
    "101 that nobody asked for": one(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nforeign"),
    "408 behind the answer": one(OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 408 Request Timeout\r\n\r\n", "close"),
}

ANSWERS = NO_HTTP | STATUS_LINES | HEADS | LENGTHS | CODINGS | CHUNKS | SEQUENCES
