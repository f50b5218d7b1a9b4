"""The text of a statement shows no value, and its time and length are bounded."""

from __future__ import annotations

import pytest

from proxy.sql.query_text import MAX_FINGERPRINT, MAX_SUMMARY, query_text, summary_of


@pytest.mark.parametrize(
    ("fingerprint", "text"),
    [
        (
            "GET t?select=id&id=eq.?&order=at.desc&limit=?",
            "SELECT t.id FROM t WHERE t.id = ? ORDER BY t.at DESC LIMIT ?",
        ),
        ("GET s.t?or=(a.eq.?,b.in.?)", "SELECT t.* FROM s.t WHERE (t.a = ? OR t.b IN (?))"),
        ("GET t?j->>key=like.?", "SELECT t.* FROM t WHERE t.j ->> ? LIKE ?"),
        ("DELETE t?id=in.?", "DELETE FROM t WHERE t.id IN (?)"),
        ("GET t?a=fts.?", "SELECT t.* FROM t WHERE t.a @@ to_tsquery(?)"),
        ("GET t?…", ""),
        ("GET /rpc", ""),
        ("OPTIONS t?id=eq.?", ""),
        ("GET t?select=" + "c" * MAX_FINGERPRINT, ""),
    ],
)
def test_the_text_has_a_question_mark_for_each_value(fingerprint: str, text: str) -> None:
    assert query_text(fingerprint, "public.t").text == text


def test_a_merged_call_lists_the_values_of_its_key_and_no_other_column() -> None:
    text = query_text("GET t?select=id&id=eq.?&kind=eq.?", "public.t", "id").text
    assert text == "SELECT t.id FROM t WHERE t.id IN (?) AND t.kind = ?"


def test_a_write_has_a_question_mark_for_its_body() -> None:
    assert "json_populate_recordset(CAST(NULL AS t), ?)" in query_text("POST t?columns=a", "public.t").text


def test_a_summary_ends_before_the_word_that_is_too_long() -> None:
    assert summary_of("SELECT", "", "a", "b" * MAX_SUMMARY, "c") == "SELECT a"
