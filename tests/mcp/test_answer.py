"""Answers are bounded, continue by a cursor, and keep recorded text between markers that it cannot contain."""

from __future__ import annotations

import json

import pytest

from proxy.findings.model import short_id
from proxy.mcp.answer import MAX_BYTES, Narrower, ToolError, as_json, clean, page

ITEMS = [{"name": f"item {number}", "text": "x" * 100} for number in range(100)]
NARROWER = Narrower("findings", {"code": "FAN001"})


def test_an_answer_continues_where_the_one_before_ended() -> None:
    found: list[object] = []
    call: dict[str, object] = {"code": "FAN001"}
    while True:
        answer = page("100 items.", ITEMS, call=call, limit=30, narrower=NARROWER)
        assert len(as_json(answer).encode()) <= MAX_BYTES
        found += answer.data
        if answer.next_cursor is None:
            break
        assert answer.narrower == NARROWER
        call = {"code": "FAN001", "cursor": answer.next_cursor}
    assert found == ITEMS
    assert answer.narrower is None


@pytest.mark.parametrize("cursor", ["", "x", "5", "5-000000", "-1-abc", "99999999999-abc", "5-" + "٣" * 6])
def test_a_cursor_of_another_call_is_an_error(cursor: str) -> None:
    with pytest.raises(ToolError, match="cursor: is of a call with other arguments"):
        page("", ITEMS, call={"cursor": cursor}, limit=5)


def test_a_cursor_beyond_the_end_gives_nothing() -> None:
    first = page("", ITEMS, call={}, limit=5)
    assert first.next_cursor is not None
    assert page("", [], call={"cursor": first.next_cursor}, limit=5).data == []


def test_one_item_is_given_even_if_it_alone_fills_the_answer() -> None:
    large = {"names": ["😀" * 9000] * 100, **{f"text {number}": "é" * 9000 for number in range(9)}}
    answer = page("", [large, {"text": "z"}], call={}, limit=1)
    assert len(answer.data) == 1
    assert answer.next_cursor is not None
    assert len(as_json(answer).encode()) <= MAX_BYTES


def test_each_answer_has_markers_of_its_own() -> None:
    one, two = (page("", [1], call={}, limit=5) for _ in range(2))
    assert one.data_begin != two.data_begin
    assert one.data_end.removeprefix("END DATA ") in one.data_begin


def test_the_data_stands_between_its_markers_in_the_text() -> None:
    answer = page("Own.", ["recorded"], call={}, limit=5)
    text = as_json(answer)
    assert text.index(answer.data_begin) < text.index("recorded") < text.index(answer.data_end)
    assert json.loads(text)["data"] == ["recorded"]


def test_recorded_text_is_printable_and_short() -> None:
    shown = clean({"a": ["\x1b[2J\u202e", "b" * 1000, 3, None]})
    assert shown["a"][0] == "\\x1b[2J\\u202e"
    assert len(shown["a"][1]) <= 400
    assert shown["a"][2:] == [3, None]


def test_an_id_contains_nothing_of_the_key() -> None:
    assert short_id("FAN001:secret") == short_id("FAN001:secret") != short_id("FAN001:other")
    assert len(short_id("x")) == 12
