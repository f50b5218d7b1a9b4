"""Chunked bodies: the data does not depend on how the bytes arrive, and is the same as in h11."""

from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors.codes import FaultError
from proxy.http1.chunked import (
    FREE_LINE_BYTES,
    LAST_CHUNK,
    MAX_LINE_BYTES,
    MAX_OVERHEAD,
    MAX_STEPS,
    MAX_TRAILERS,
    ChunkDecoder,
    chunk,
    frame_data,
)

PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
EXTENSION = st.sampled_from([b"", b";a", b";a=b", b';a="b c"'])
TRAILER = st.sampled_from([b"", b"X: y\r\n", b"X: y\r\nZ: \xff\r\n"])


def decode(stream: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """The data of a chunked ``stream`` that arrives in pieces, and the bytes after it."""
    decoder, buffer, data = ChunkDecoder("FANIN104"), bytearray(), b""
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        buffer += stream[start:end]
        data += decoder.decode(buffer)
    assert decoder.done
    return data, bytes(buffer)


def read_by_h11(stream: bytes) -> bytes:
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + stream)
    data = b""
    while not isinstance(event := parser.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            data += event.data
    return data


@given(PIECES, EXTENSION, TRAILER, st.lists(st.integers(0, 300), max_size=12), st.binary(max_size=5))
def test_a_stream_in_any_pieces_decodes_as_in_h11(
    pieces: list[bytes], extension: bytes, trailer: bytes, cuts: list[int], behind: bytes
) -> None:
    stream = b"".join(b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)
    stream += b"0%b\r\n%b\r\n" % (extension, trailer)
    data, left = decode(stream + behind, cuts)
    assert data == b"".join(pieces) == read_by_h11(stream)
    assert left == behind


@given(PIECES)
def test_encoded_chunks_decode_to_the_same_data(pieces: list[bytes]) -> None:
    stream = b"".join(map(chunk, pieces)) + LAST_CHUNK
    assert decode(stream, [])[0] == b"".join(pieces) == read_by_h11(stream)


@pytest.mark.parametrize(
    "stream",
    [
        b"\r\n",
        b"g\r\n",
        b"0x5\r\n",
        b"+5\r\n",
        b"-5\r\n",
        b" 5\r\n",
        b"5 \r\n",
        b"5\t\r\n",
        b"1_0\r\n",
        b";a\r\n",
        b"f" * 16 + b"\r\n",
        b"0" * 16 + b"\r\n",
        b"5\nhello\r\n",
        b"5;a\nb\r\n",
        b"5;\x00\r\n",
        b"5;a\rb\r\n",
        b"5\r\nhello!\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"0\r\nX: \x00\r\n\r\n",
        b"0\r\na\nb\r\n\r\n",
        b"5;" + b"x" * MAX_LINE_BYTES,
        b"0\r\n" + b"X: y\r\n" * MAX_LINE_BYTES,
    ],
)
def test_a_malformed_chunk_is_an_error(stream: bytes) -> None:
    with pytest.raises(FaultError, match="FANIN104"):
        ChunkDecoder("FANIN104").decode(bytearray(stream))


@given(st.binary(max_size=40))
def test_any_stream_gives_data_or_an_error_and_never_more_bytes_than_received(stream: bytes) -> None:
    try:
        data = ChunkDecoder("FANIN104").decode(bytearray(stream))
    except FaultError:
        return
    assert len(data) <= len(stream)


def test_data_is_framed_only_in_a_chunked_body_and_empty_data_never() -> None:
    assert frame_data(b"ab", True) == b"2\r\nab\r\n"
    assert frame_data(b"ab", False) == b"ab"
    assert frame_data(b"", True) == frame_data(b"", False) == b""


def test_many_small_chunks_are_decoded_in_slices_of_bounded_steps() -> None:
    decoder, buffer, data, slices = ChunkDecoder("FANIN104"), bytearray(b"1\r\na\r\n" * 10_000 + LAST_CHUNK), b"", 0
    while not decoder.done:
        data += decoder.decode(buffer)
        slices += 1
        assert decoder.steps <= MAX_STEPS
        assert decoder.unfinished != decoder.done
    assert data == b"a" * 10_000
    assert slices == -(-(3 * 10_000 + 2) // MAX_STEPS)


def test_a_decoder_that_waits_for_bytes_is_not_unfinished() -> None:
    decoder = ChunkDecoder("FANIN104")
    assert decoder.decode(bytearray(b"3\r\nab")) == b"ab"
    assert not decoder.unfinished


def test_lines_of_chunks_may_not_be_much_longer_than_the_data() -> None:
    line = b"1;" + b"x" * 998
    allowed = MAX_OVERHEAD // (len(line) - FREE_LINE_BYTES - 2)
    decoder = ChunkDecoder("FANIN104")
    assert decoder.decode(bytearray((line + b"\r\na\r\n") * allowed)) == b"a" * allowed
    with pytest.raises(FaultError, match="FANIN104"):
        decoder.decode(bytearray(line + b"\r\na\r\n"))


def test_lines_of_any_length_are_allowed_with_data_of_that_length() -> None:
    decoder = ChunkDecoder("FANIN104")
    for _ in range(100):
        assert decoder.decode(bytearray(b"200;" + b"x" * 996 + b"\r\n" + b"a" * 512 + b"\r\n")) == b"a" * 512


@pytest.mark.parametrize("lines", [MAX_TRAILERS, MAX_TRAILERS + 1])
def test_trailers_are_limited_in_number(lines: int) -> None:
    decoder, buffer = ChunkDecoder("FANIN104"), bytearray(b"0\r\n" + b"x:\r\n" * (lines - 1) + b"\r\n")
    if lines > MAX_TRAILERS:
        with pytest.raises(FaultError, match="FANIN104"):
            decoder.decode(buffer)
    else:
        decoder.decode(buffer)
        assert decoder.done
