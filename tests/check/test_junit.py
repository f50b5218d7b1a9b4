"""A verdict as JUnit's XML has one shape, whatever clients call things."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from proxy.check.junit import junit
from tests.check.factories import NAMES, PLAIN, verdict_about


def tree(node: ET.Element) -> Any:
    return node.tag, sorted(node.attrib), [tree(child) for child in node]


@pytest.mark.parametrize("name", NAMES)
def test_junit_keeps_its_shape(name: str) -> None:
    root = ET.fromstring(junit(verdict_about(name)))
    assert tree(root) == tree(ET.fromstring(junit(verdict_about(PLAIN))))
    (first, *_) = root.iter("testcase")
    if all(char.isprintable() for char in name):
        assert first.attrib["name"] == f"{name}: at most 3 queries"
    assert int(root.attrib["failures"]) == len(list(root.iter("failure"))) == 4
    assert len(list(root.iter("skipped"))) == 2
