"""How llhttp reads requests at its most lenient: Node's own is asked what the reader of the tests says of it."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.support import script_runner
from tests.e2e.support.request_cases import KINDS, cases
from tests.e2e.support.request_readers import ReadRequest, UnreadableError, read_as_llhttp, read_strictly

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = Path(script_runner.__file__).with_name("llhttp_reader.js")
METHODS = frozenset((b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"PATCH"))
"""Those of PostgREST's that llhttp knows; it refuses others."""

POST = b"POST /t HTTP/1.1\r\nHost: h\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
LENIENT = {
    "bare line feeds": b"GET /t HTTP/1.1\nHost: h\n\n",
    "a folded line": POST + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nab",
    "a coding with a blank behind it": POST + b"Transfer-Encoding: chunked \r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "a coding and a length": POST + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n",
    "an extension": POST + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n0\r\n\r\n",
    "a length with a blank behind it": POST + b"Content-Length: 2 \r\n\r\nab",
    "empty lines before it": b"\r\n\r\n" + NEXT,
}


def _whole(case: bytes) -> bool:
    """Whether the case is requests that the RFCs allow, and that llhttp neither refuses nor closes after."""
    try:
        requests = read_strictly(case)
    except UnreadableError:
        return False
    known = all(request.method in METHODS and request.target.startswith(b"/") for request in requests)
    return known and case.isascii() and b"Connection" not in case and b"HTTP/1.0" not in case


async def _read_by_node(streams: list[bytes], folder: Path) -> list[list[ReadRequest]]:
    source, result = folder / "streams", folder / "requests"
    source.write_bytes(b"\n".join(map(base64.b64encode, streams)))
    arguments = (script_runner.node_program(), str(PROGRAM), str(source), str(result))
    process = await asyncio.create_subprocess_exec(*arguments)
    assert await asyncio.wait_for(process.wait(), 60) == 0
    return [
        [
            ReadRequest(method.encode(), base64.b64decode(target), b"", base64.b64decode(body))
            for method, target, body in requests
        ]
        for requests in json.loads(result.read_bytes())
    ]


async def test_the_reader_finds_the_requests_that_llhttp_finds(tmp_path: Path, tell: Callable[[str], None]) -> None:
    whole = [case for kind in KINDS for case in cases(kind) if _whole(case)]
    streams = [stream + NEXT for stream in (*whole, *LENIENT.values())]
    for stream, read in zip(streams, await _read_by_node(streams, tmp_path), strict=True):
        assert read == [request._replace(host=b"") for request in read_as_llhttp(stream)], stream
    tell(f"{len(streams)} streams")
