"""Equal header lines are taken apart once, within bounds; answers keep theirs but for the hop's."""

from __future__ import annotations

import pytest

from proxy.errors.codes import FaultError
from proxy.path.identity import head_rules
from proxy.server.head_cache import REMEMBERED_HEADS, HeadCache, answer_lines
from tests.factories import fields

RULES = head_rules(b"", (), (), (), b"key")


def test_the_same_lines_are_taken_apart_once_and_not_remembered_for_ever() -> None:
    reader = HeadCache(RULES)
    head = reader.read(b"Host: h\r\nX: 0", 1)
    assert reader.read(b"Host: h\r\nX: 0", 1) is head
    assert reader.read(b"Host: h\r\nX: 0", 0) is not head, "what they mean depends on the version"
    for number in range(REMEMBERED_HEADS):
        reader.read(b"Host: h\r\nX: %d" % (number + 1), 1)
    assert reader.read(b"Host: h\r\nX: 0", 1) is not head


def test_a_refused_head_is_not_remembered_as_good() -> None:
    reader = HeadCache(RULES)
    for _ in range(2):
        with pytest.raises(FaultError, match="FANIN106"):
            reader.read(b"X: y", 1)


def test_an_answers_lines_go_out_as_they_came_without_the_hops() -> None:
    came = fields("date:  x\nKeep-Alive: 5\nTransfer-Encoding: chunked\nConnection: close\nX: é\nX:y")
    kept = answer_lines(b"HTTP/1.1 200 OK", came)
    assert kept == "HTTP/1.1 200 OK\r\ndate:  x\r\nTransfer-Encoding: chunked\r\nX: é\r\nX:y\r\n".encode()
    assert answer_lines(b"HTTP/1.1 200 OK", came, drop_chunked=True) == kept.replace(
        b"Transfer-Encoding: chunked\r\n", b""
    )
