"""A Location on upstream's own name becomes a path; any other stays as it is."""

from __future__ import annotations

import pytest

from proxy.upstream.location import through_fanin
from tests.factories import fields


@pytest.mark.parametrize(
    ("location", "authority", "expected"),
    [
        ("https://p.supabase.co/storage/v1/a", "p.supabase.co", "/storage/v1/a"),
        ("http://P.Supabase.co/a?b#c", "p.supabase.co", "/a?b#c"),
        ("https://p.supabase.co:443/a", "p.supabase.co", "/a"),
        ("https://p.supabase.co/a", "p.supabase.co:443", "/a"),
        ("//p.supabase.co/a", "p.supabase.co", "/a"),
        ("https://p.supabase.co", "p.supabase.co", "/"),
        ("https://p.supabase.co?a=b", "p.supabase.co", "/?a=b"),
        ("http://127.0.0.1:8000/a", "127.0.0.1:8000", "/a"),
        ("http://127.0.0.1:8001/a", "127.0.0.1:8000", None),
        ("http://127.0.0.1/a", "127.0.0.1:8000", None),
        ("https://p.supabase.co//evil.example/a", "p.supabase.co", None),
        ("https://p.supabase.co.evil.example/a", "p.supabase.co", None),
        ("https://user@p.supabase.co/a", "p.supabase.co", None),
        ("https://accounts.example/?next=https://p.supabase.co/", "p.supabase.co", None),
        ("app://p.supabase.co/a", "p.supabase.co", None),
        ("/films?id=eq.1", "p.supabase.co", None),
        ("films//p.supabase.co", "p.supabase.co", None),
    ],
)
def test_only_the_own_name_becomes_a_path(location: str, authority: str, expected: str | None) -> None:
    lines = fields(f"A: b\nlocation: {location}\nC: d")
    result = through_fanin(lines, authority.encode())
    assert result[0] == lines[0]
    assert result[2] == lines[2]
    assert result[1].line == (f"location: {location}" if expected is None else f"location: {expected}").encode()
    assert result[1].value == (location if expected is None else expected).encode()


def test_an_answer_without_a_location_stays_the_same_object() -> None:
    lines = fields("A: b")
    assert through_fanin(lines, b"h") is lines
