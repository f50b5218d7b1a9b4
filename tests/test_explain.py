"""What is told of a request: by the code that decides, and without any value of a header."""

from __future__ import annotations

import json

import pytest
import sqlglot

from proxy.cli import main
from proxy.config import ConfigError, Settings, load
from proxy.errors import REFUSALS, REMEDIES
from proxy.explain import Explained, as_text, explain, is_request

U = "0b5e7c1a-9f0e-4d55-8f6b-3a4b5c6d7e8f"


def told(word: str, *headers: str, types: dict[str, str] | None = None, settings: Settings | None = None) -> Explained:
    return explain(word, headers, settings or Settings(), types or {})


def test_a_request_that_merges_is_shown_with_its_merged_call() -> None:
    found = told("GET /t?id=eq.7&select=a")
    assert found.merges
    assert found.fingerprint == "GET t?id=eq.?&select=a"
    assert [way.target for way in found.ways] == ["/t?id=in.(7,8)&select=f:id::text,a"]
    assert "shares a call with requests that differ in id only" in as_text(found)


@pytest.mark.parametrize(
    ("word", "target"),
    [
        (f"/t?id=eq.{U}", f"/t?select=f:id::text,*&id=in.({U},{U[:-1]}0)"),
        ("http://h:1/rest/v1/t?id=eq.1", "/rest/v1/t?select=f:id::text,*&id=in.(1,2)"),
        ("/t?d->>k=eq.a", "/t?select=f:d-%3E%3Ek,*&d->>k=in.(a,another)"),
    ],
)
def test_a_target_and_a_url_are_gets(word: str, target: str) -> None:
    assert told(word).ways[0].target == target


@pytest.mark.parametrize(
    ("type_name", "literal", "merges"),
    [("text", "new", True), ("boolean", "true", True), ("date", "2024-01-01", True), ("citext", "new", False)],
)
def test_a_type_that_is_named_decides(type_name: str, literal: str, merges: bool) -> None:
    found = told(f"/t?k=eq.{literal}", types={"k": type_name})
    assert found.merges is merges
    assert found.ways[0].type == type_name


def test_a_type_that_nobody_named_is_asked_for_by_a_running_fanin() -> None:
    found = told("/t?status=eq.new")
    assert not found.merges
    assert "depends on the types of its columns" in as_text(found)
    assert "--type status=text" in as_text(found)


def test_of_several_filters_each_may_vary() -> None:
    assert [way.column for way in told("/t?a=eq.1&b=eq.2").ways] == ["a", "b"]


def test_a_list_merges_under_an_order_by_known_columns() -> None:
    assert not told("/t?id=in.(1,2)&order=at").merges
    assert told("/t?id=in.(1,2)&order=at", types={"at": "date"}).merges


@pytest.mark.parametrize(
    ("order", "types", "words"),
    [
        ("", {}, "no order"),
        ("&order=at", {}, "--type"),
        ("&order=at", {"at": "date"}, "differ from row to row"),
        ("&order=at", {"at": "numeric"}, "several texts"),
    ],
)
def test_what_becomes_of_several_rows_a_key_is_told(order: str, types: dict[str, str], words: str) -> None:
    assert words in told(f"/t?id=eq.1{order}", types=types).several_rows


@pytest.mark.parametrize(
    ("word", "header", "reason"),
    [
        ("/t?id=eq.1&offset=2", "", "offset"),
        ("/t?id=eq.1", "Accept: text/csv", "accept"),
        ("POST /t", "", "method"),
        ("/rpc/f", "", "not-a-relation"),
        ("/t?id=gt.1", "", "no-key"),
    ],
)
def test_a_refusal_comes_with_its_text_and_its_remedy(word: str, header: str, reason: str) -> None:
    found = told(word, *([header] if header else []))
    assert (found.refusal, found.because, found.remedy) == (reason, REFUSALS[reason], REMEDIES[reason])
    assert REMEDIES[reason] in as_text(found)


def test_the_sql_that_it_stands_for_is_shown() -> None:
    found = told("/t?select=id,name&id=eq.7&at=gte.2024-01-01&order=at.desc&limit=5", "Prefer: count=exact")
    assert sqlglot.parse_one(found.sql, dialect="postgres").find(sqlglot.exp.Where) is not None
    assert any("count=exact" in note for note in found.sql_notes)
    assert found.sql.splitlines()[0] in as_text(found)
    assert told("/rpc/f").sql == ""


def test_byte_equal_reads_that_cannot_merge_are_told_to_share() -> None:
    assert "byte-equal ones" in as_text(told("/t?offset=3"))
    assert "byte-equal ones" not in as_text(told("PATCH /t?id=eq.1"))


def test_headers_are_named_and_never_shown() -> None:
    settings = load({"identity.also_neutral": ["x-request-id"]}).settings
    headers = (
        "Authorization: Bearer SECRET",
        "X-Request-Id: SECRET",
        "traceparent: 00-SECRET",
        "X-Fanin-Trace: SECRET",
    )
    found = told("/t?id=eq.1", *headers, settings=settings)
    assert found.identity == ("authorization",)
    assert found.neutral == ("host", "x-request-id", "traceparent")
    assert "SECRET" not in as_text(found)


@pytest.mark.parametrize("word", ["GET t", "GET /a b", "GET ", "GET /\x1b[1m"])
def test_what_is_no_request_is_refused_with_how_to_write_one(word: str) -> None:
    with pytest.raises(ConfigError, match="GET /relation") as caught:
        told(word)
    assert "\x1b" not in str(caught.value)


def test_a_malformed_header_is_refused() -> None:
    with pytest.raises(ConfigError, match="-H"):
        told("/t", "no colon")


def test_control_characters_are_escaped_in_every_part() -> None:
    assert "\x1b" not in as_text(told("/t%1b?%1b=eq.%1b[1m&select=%1b"))


@pytest.mark.parametrize(("word", "is_one"), [("GET /t", True), ("/t", True), ("http://h/t", True), ("FAN001", False)])
def test_requests_are_told_from_names(word: str, is_one: bool) -> None:
    assert is_request(word) is is_one


def test_the_command_prints_text_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "GET /t?k=eq.a", "--type", "k=text", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ways"][0]["merges"] is True
    assert main(["explain", "/t?id=eq.1", "-H", "Accept: text/csv"]) == 0
    assert "goes alone: accept" in capsys.readouterr().out
    assert main(["explain", "/t?id=eq.1", "--type", "k"]) == 2
