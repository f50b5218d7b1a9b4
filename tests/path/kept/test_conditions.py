"""Conditional reads (RFC 9110, section 13): what a kept answer decides, and the 304 that it then is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.path.kept.conditions import is_decidable, matches, not_modified, tag_in, tags_of, unconditional
from tests.factories import head

TAG = b'W/"a,b"'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: now\r\nServer: postgrest/12.0.2\r\nContent-Range: 0-1/*\r\nContent-Location: /t\r\n"
    b'Content-Type: application/json\r\nVary: Origin\r\netag:  W/"a,b" \r\nContent-Length: 2\r\n'
)


@pytest.mark.parametrize(
    ("tags", "is_match"),
    [
        (b'W/"a,b"', True),
        (b'"a,b"', True),
        (b'"x", W/"y",W/"a,b"', True),
        (b", ,\t" + TAG, True),
        (b"*", True),
        (b'"a"', False),
        (b'"x" , "b"', False),
        (b"a,b", False),
        (b'w/"a,b"', False),
        (b'"a,b', False),
        (b'nonsense, "a,b"', False),
        (b"", False),
    ],
)
def test_a_tag_matches_by_the_weak_comparison(tags: bytes, is_match: bool) -> None:
    assert matches(tags, TAG) == is_match


def test_a_long_list_of_tags_is_read_once() -> None:
    assert matches(b'"",' * 20_000 + TAG, TAG)


@pytest.mark.parametrize(
    ("lines", "is_decided"),
    [
        ("", True),
        ('If-None-Match: "x"', True),
        ('if-none-match: "x"\r\nIf-Modified-Since: yesterday', True),
        ("If-Modified-Since: yesterday", False),
        ('If-Match: "x"', False),
        ('If-None-Match: "x"\r\nIf-Match: "x"', False),
        ('If-None-Match: "x"\r\nIf-Range: "x"', False),
        ("If-Unmodified-Since: yesterday", False),
        ("X-Own: if-none-match", True),
    ],
)
def test_only_if_none_match_is_decided(lines: str, is_decided: bool) -> None:
    assert is_decidable(head(f"Host: h\r\n{lines}")) == is_decided


def test_a_condition_that_the_operator_compares_is_not_decided() -> None:
    compared = head('Host: h\r\nIf-None-Match: "x"')
    assert not is_decidable(replace(compared, identity=compared.coalescing_identity))


def test_the_tags_of_all_lines_are_one_list() -> None:
    assert tags_of(head('Host: h\r\nIf-None-Match: "x"\r\nX-Own: 1\r\nIf-None-Match: W/"y"')) == b'"x", W/"y"'
    assert tags_of(head("Host: h\r\nX-Own: 1")) == b""


def test_other_lines_stay_as_they_are() -> None:
    lines = b'Accept: a\r\nIf-None-Match: "x"\r\nIf-Modified-Since: y\r\nIf-Match: "x"\r\nX-If-None-Match: z\r\n'
    assert unconditional(lines) == b'Accept: a\r\nIf-Match: "x"\r\nX-If-None-Match: z\r\n'


def test_a_304_has_the_lines_of_the_200_that_do_not_describe_its_body() -> None:
    assert tag_in(ANSWER) == TAG
    assert not_modified(ANSWER) == (
        b"HTTP/1.1 304 Not Modified\r\nDate: now\r\nServer: postgrest/12.0.2\r\nContent-Location: /t\r\n"
        b'Vary: Origin\r\netag:  W/"a,b" \r\n'
    )


def test_an_answer_without_a_tag_has_none() -> None:
    assert tag_in(ANSWER.replace(b"etag", b"x-etag")) == b""
