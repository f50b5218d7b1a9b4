"""Each write gets the answer of its own row, and none where that is not certain."""

from __future__ import annotations

import pytest

from proxy.http1.head import Response, parse_fields, parse_status_line
from proxy.model import FallbackReason, Slice, WriteCall
from proxy.path.answers.write_answers import is_refused, split_writes
from proxy.path.batches.writes import plan_writes
from proxy.postgrest.response.gateway import POSTGREST
from tests.path.batches.test_writes import write

COMMON = ("Date: now", "Server: postgrest/12.0.2")
JSON = "Content-Type: application/json; charset=utf-8"
APPLIED = "Preference-Applied: return=representation"


def call(method: str = "PATCH", *lines: str) -> WriteCall:
    body = '{"a":1}' if method == "PATCH" else ""
    (made,) = plan_writes([write(f"/t?id=eq.{key}", method, body, *lines) for key in (1, 2)], b"k", 9, 999)
    assert isinstance(made, WriteCall)
    return made


def answer(status: str, body: str, *lines: str) -> Response:
    fields = parse_fields("\r\n".join((*COMMON, *lines)).encode(), "FANIN503")
    return Response(parse_status_line(f"HTTP/1.1 {status}".encode()), fields, body.encode())


def split(made: WriteCall, given: Response) -> dict[bytes, Slice | None] | FallbackReason:
    return split_writes(made, b"k", given, POSTGREST)


def rows(body: str, count: str) -> Response:
    return answer("200 OK", body, f"Content-Range: {count}", APPLIED, JSON)


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        ("400 Bad Request", '{"code":"22P02","details":null,"hint":null,"message":"invalid"}', True),
        ("409 Conflict", '{"code":"23505","details":"x","hint":null,"message":"y"}', True),
        ("401 Unauthorized", '{"code":"PGRST301","details":null,"hint":null,"message":"JWT expired"}', True),
        ("402 Payment Required", '{"code":"PT402","details":null,"hint":null,"message":"pay"}', True),
        ("409 Conflict", '[{"k":"1"}]', False),
        ("409 Conflict", "", False),
        ("404 Not Found", "{}", False),
        ("413 Too Large", "<html>413</html>", False),
        ("408 Request Timeout", '{"code":"x","message":"y"}', False),
        (
            "500 Internal Server Error",
            '{"code":"40P01","message":"deadlock detected"}',
            False,
        ),
    ],
)
def test_only_an_error_of_postgrest_says_that_nothing_was_written(status: str, body: str, refused: bool) -> None:
    assert is_refused(answer(status, body)) == refused


def test_a_patch_without_rows_has_its_own_range_and_its_own_preference() -> None:
    found = split(call("PATCH", "Prefer: return=minimal"), rows('[{"k":"2"}]', "0-0/*"))
    assert isinstance(found, dict)
    heads = {key: one.head.split(b"\r\n")[3:-1] for key, one in found.items() if one is not None}
    assert heads == {
        b"1": [b"Content-Range: */*", b"Preference-Applied: return=minimal"],
        b"2": [b"Content-Range: 0-0/*", b"Preference-Applied: return=minimal"],
    }
    assert all(one is not None and one.head.startswith(b"HTTP/1.1 204 ") and not one.body for one in found.values())


def test_a_patch_that_prefers_nothing_is_told_of_no_preference() -> None:
    found = split(call(), rows('[{"k":"1"}, \n {"k":"2"}]', "0-1/*"))
    assert isinstance(found, dict)
    assert not any(b"Preference" in one.head or b"Content-Type" in one.head for one in found.values() if one)


def test_a_patch_that_gets_no_rows_is_not_told_of_their_schema() -> None:
    given = answer("200 OK", '[{"k":"1"}]', "Content-Range: 0-0/*", APPLIED, JSON, "Content-Profile: app")
    for lines, expected in (((), 0), (("Prefer: return=representation",), 1)):
        made = split(call("PATCH", *lines), given)
        assert isinstance(made, dict)
        assert made[b"1"] is not None
        assert made[b"1"].head.count(b"Content-Profile: app") == expected


def test_rows_go_to_the_writes_of_their_keys() -> None:
    made = call("PATCH", "Prefer: return=representation")
    found = split(made, rows('[{"k":"2","a":1}]', "0-0/*"))
    assert isinstance(found, dict)
    assert [one.body for one in found.values() if one] == [b"[]", b'[{"a":1}]']


def test_who_wants_one_object_and_has_none_gets_no_answer_here() -> None:
    lines = "Prefer: return=representation", "Accept: application/vnd.pgrst.object+json"
    found = split(call("PATCH", *lines), rows('[{"k":"2","a":1}]', "0-0/*"))
    assert isinstance(found, dict)
    assert found[b"1"] is None
    assert found[b"2"] is not None
    assert found[b"2"].body == b'{"a":1}'
    assert b"Content-Type: application/vnd.pgrst.object+json; charset=utf-8" in found[b"2"].head


def test_a_delete_numbers_no_rows() -> None:
    found = split(call("DELETE", "Prefer: return=representation"), rows('[{"k":"1","a":1}]', "*/*"))
    assert isinstance(found, dict)
    assert all(one is not None and b"Content-Range: */*" in one.head for one in found.values())
    minimal = split(call("DELETE"), answer("204 No Content", "", "Content-Range: */*"))
    assert isinstance(minimal, dict)
    assert len({one.head for one in minimal.values() if one}) == 1


def test_what_is_not_exactly_as_expected_is_given_to_nobody() -> None:
    made = call("PATCH", "Prefer: return=representation")
    for given, reason in (
        (rows('[{"k":"3","a":1}]', "0-0/*"), "unexpected-key"),
        (rows('[{"k":"1","a":1}, \n {"k":"1","a":1}]', "0-1/*"), "unexpected-key"),
        (rows('[{"k":"1","a":1}]', "0-1/*"), "shape"),
        (rows('[{"a":1}]', "0-0/*"), "shape"),
        (answer("201 Created", "", "Content-Range: 0-0/*"), "status"),
        (answer("200 OK", '[{"k":"1"}]', "Content-Range: 0-0/*", "Content-Type: text/plain"), "headers"),
        (answer("200 OK", '[{"k":"1"}]', "Content-Range: 0-0/*", JSON, "Set-Cookie: a=b"), "headers"),
    ):
        found = split(made, given)
        assert isinstance(found, FallbackReason), reason
        assert found.reason == reason
    wrong = split(call("DELETE"), answer("200 OK", "", "Content-Range: */*"))
    assert wrong == FallbackReason("status")
