"""Equal header lines are taken apart once, within bounds."""

from __future__ import annotations

import pytest

from proxy.errors import FaultError
from proxy.path.identity import head_rules
from proxy.shell.heads import REMEMBERED_HEADS, HeadReader

RULES = head_rules(b"", (), (), (), b"key")


def test_the_same_lines_are_taken_apart_once_and_not_remembered_for_ever() -> None:
    reader = HeadReader(RULES)
    head = reader.read(b"Host: h\r\nX: 0", 1)
    assert reader.read(b"Host: h\r\nX: 0", 1) is head
    assert reader.read(b"Host: h\r\nX: 0", 0) is not head, "what they mean depends on the version"
    for number in range(REMEMBERED_HEADS):
        reader.read(b"Host: h\r\nX: %d" % (number + 1), 1)
    assert reader.read(b"Host: h\r\nX: 0", 1) is not head


def test_a_refused_head_is_not_remembered_as_good() -> None:
    reader = HeadReader(RULES)
    for _ in range(2):
        with pytest.raises(FaultError, match="FANIN106"):
            reader.read(b"X: y", 1)
