"""Heads by template are what parsing gives, and what a call has of its own is not parsed with the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors.codes import FaultError
from proxy.http1.head import parse_fields
from proxy.path.reading.identity import HeadRules, head_rules, read_head
from proxy.server.head_templates import MAX_TEMPLATES, HeadTemplates

if TYPE_CHECKING:
    from proxy.model import RequestHead

KEY = b"k" * 16
TRACE_HEADERS = ("x-fanin-trace", "traceparent")
RULES = [
    head_rules(b"upstream", TRACE_HEADERS, (), (), KEY),
    head_rules(b"", TRACE_HEADERS, ("x-request-id",), ("sentry-*", "tracestate"), KEY),
    head_rules(b"", ("x-request-id", "traceparent"), (), ("traceparent",), KEY),
    head_rules(b"", ("x-correlation-id", "x-fanin-trace"), ("x-*",), ("x-datadog-*",), KEY),
    head_rules(b"", (), ("origin", "accept"), (), KEY),
]
IDS = [f"00-{number:032x}-00f067aa0ba902b7-01" for number in range(1, 4)]
VALUES = st.sampled_from(["", "a", "b ", "\tx", "é", "a,b", *IDS])
NAMES = st.sampled_from(
    [
        "X-Fanin-Trace",
        "x-fanin-trace",
        "TraceParent",
        "tracestate",
        "baggage",
        "sentry-trace",
        "x-datadog-trace-id",
        "x-b3-traceid",
        "x-request-id",
        "X-Correlation-Id",
        "x-retry-count",
        "x-fanin",
        "x-fanin-route",
        "origin",
        "Accept-Encoding",
        "if-match",
        "X-Own",
    ]
)
CONSTANT = st.sampled_from(
    [
        "Host: h",
        "host:  other",
        "Accept: application/json",
        "Accept: text/csv",
        "Authorization: Bearer a.b.c",
        "Content-Length: 3",
        "Connection: close",
        "Prefer: count=exact",
        "Range: 0-4",
        "Expect: 100-continue",
        "traceparent : a",
        ": a",
    ]
)
LINES = st.lists(st.one_of(CONSTANT, st.builds("{}:{}".format, NAMES, VALUES)), max_size=8)


class Parser:
    """``read_head``, with a list of the blocks that it parsed."""

    def __init__(self, rules: HeadRules) -> None:
        self.blocks: list[bytes] = []
        self._rules = rules

    def read(self, block: bytes, minor: int) -> RequestHead:
        self.blocks.append(block)
        return read_head(parse_fields(block, "FANIN102"), minor, self._rules)


def read_or_fault(reader: Parser | HeadTemplates, block: bytes, minor: int) -> RequestHead | str:
    try:
        return reader.read(block, minor)
    except FaultError as error:
        return error.fault.code


@given(st.sampled_from(RULES), st.lists(st.tuples(LINES, st.sampled_from([1, 1, 0])), min_size=1, max_size=6))
def test_a_head_by_template_is_what_parsing_gives(rules: HeadRules, requests: list[tuple[list[str], int]]) -> None:
    parser = Parser(rules)
    templates = HeadTemplates(rules, parser.read)
    for lines, minor in requests + requests:
        for host in ("Host: first", lines[0] if lines else ""):
            block = "\r\n".join([host, *lines]).encode()
            assert read_or_fault(templates, block, minor) == read_or_fault(parser, block, minor)


@given(LINES, NAMES, st.lists(VALUES, min_size=2, max_size=4))
def test_a_value_changes_nothing_of_the_other_lines(lines: list[str], name: str, values: list[str]) -> None:
    parser = Parser(RULES[0])
    templates = HeadTemplates(RULES[0], parser.read)
    for value in values:
        for order in ([*lines, f"{name}: {value}", "Host: h"], [f"{name}: {value}", "Host: h", *lines]):
            block = "\r\n".join(order).encode()
            assert read_or_fault(templates, block, 1) == read_or_fault(parser, block, 1)


def test_a_head_with_another_trace_is_not_parsed_again() -> None:
    parser = Parser(RULES[0])
    templates = HeadTemplates(RULES[0], parser.read)
    block = "Host: h\r\nX-Fanin-Trace: {}\r\nAuthorization: Bearer a\r\ntraceparent: {}"
    heads = [templates.read(block.format(f"t{number}", IDS[number]).encode(), 1) for number in range(3)]
    assert [head.trace for head in heads] == ["t0", "t1", "t2"]
    assert [IDS[number] in head.merged_lines.decode() for number, head in enumerate(heads)] == [True] * 3
    assert len(parser.blocks) == 1


def test_a_malformed_value_is_an_error_also_where_a_template_is_known() -> None:
    templates = HeadTemplates(RULES[0], Parser(RULES[0]).read)
    templates.read(b"Host: h\r\ntraceparent: a", 1)
    with pytest.raises(FaultError, match="FANIN102"):
        templates.read(b"Host: h\r\ntraceparent: \x01", 1)


def test_the_number_of_templates_is_bounded_and_heads_without_open_lines_have_none() -> None:
    templates = HeadTemplates(RULES[0], Parser(RULES[0]).read)
    for number in range(MAX_TEMPLATES + 9):
        templates.read(b"Host: h\r\nA: %d" % number, 1)
    assert len(templates._templates) == 0
    for number in range(MAX_TEMPLATES + 9):
        templates.read(b"Host: h\r\nA: %d\r\nbaggage: b" % number, 1)
    assert len(templates._templates) == MAX_TEMPLATES
