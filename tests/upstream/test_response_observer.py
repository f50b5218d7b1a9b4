"""What answers teach in passing, and which of them teach nothing."""

from __future__ import annotations

import pytest

from proxy.http1.head import parse_status_line
from proxy.model import NotSingular
from proxy.path.max_rows import MaxRowsEvidence
from proxy.path.singular import NotSingularTemplates
from proxy.postgrest.response.gateway import POSTGREST
from proxy.upstream.response_observer import ORIGINS, ResponseObserver
from tests.factories import fields, head, query

ROWS = "Content-Range: 0-9/*"
MISSING = b'{"code":"PGRST116","details":"The result contains 0 rows","hint":null,"message":"JSON object requested"}'


class Class:
    """Lessons, and what they were written down in."""

    def __init__(self) -> None:
        self.evidence = MaxRowsEvidence(None, 60.0)
        self.templates = NotSingularTemplates(9)
        self.lessons = ResponseObserver(POSTGREST, self.evidence, self.templates, lambda: 0.0)

    def learn(
        self,
        target: str,
        answer: str = ROWS,
        lines: str = "Host: h",
        status: bytes = b"200 OK",
        method: bytes = b"GET",
        body: bytes | None = b"",
    ) -> int:
        line = parse_status_line(b"HTTP/1.1 " + status)
        return self.lessons.observe(query(target, lines, method), head(lines), line, fields(answer), body)


def test_a_read_of_a_relation_tells_its_rows_and_that_max_rows_is_no_less() -> None:
    told = Class()
    assert told.learn("/t") == 10
    assert told.evidence.proves_whole(9, 0.0)
    assert not told.evidence.proves_whole(10, 0.0)


COUNTED = "Host: h\nPrefer: count=exact"
CUT = "Content-Range: 0-9/25"


def test_a_counted_answer_that_lacks_rows_tells_max_rows() -> None:
    told = Class()
    assert told.lessons.max_rows is None
    assert told.learn("/t?select=id&kid.limit=3", CUT, COUNTED, b"206 Partial Content") == 10
    assert told.lessons.max_rows == 10


@pytest.mark.parametrize(
    ("target", "answer", "lines", "status"),
    [
        ("/t?limit=10", CUT, COUNTED, b"206 Partial Content"),
        ("/t?off%73et=0", CUT, COUNTED, b"206 Partial Content"),
        ("/t", CUT, COUNTED + "\nRange: 0-9", b"206 Partial Content"),
        ("/t", CUT, "Host: h\nPrefer: count=planned", b"206 Partial Content"),
        ("/t", CUT, "Host: h", b"206 Partial Content"),
        ("/t", CUT, COUNTED + "\nX-Fanin: off", b"206 Partial Content"),
        ("/t", "Content-Range: 0-9/10", COUNTED, b"200 OK"),
        ("/t", "Content-Range: */10", COUNTED, b"206 Partial Content"),
    ],
)
def test_what_was_cut_by_something_else_or_may_have_been_tells_no_max_rows(
    target: str, answer: str, lines: str, status: bytes
) -> None:
    told = Class()
    told.learn(target, answer, lines, status)
    assert told.lessons.max_rows is None


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "/rpc/f"},
        {"target": "/t", "method": b"HEAD"},
        {"target": "/t", "method": b"PATCH"},
        {"target": "/t", "status": b"416 Requested Range Not Satisfiable"},
        {"target": "/t", "answer": "Server: postgrest"},
    ],
)
def test_other_answers_tell_nothing_of_rows(changes: dict[str, str]) -> None:
    told = Class()
    assert told.learn(**changes) == -1  # type: ignore[arg-type]
    assert not told.evidence.proves_whole(0, 0.0)


def test_the_406_of_a_missing_object_is_a_template_for_the_next() -> None:
    told, lines = Class(), "Host: h\nAccept: application/vnd.pgrst.object+json"
    told.learn("/t", "Server: p", lines, b"406 Not Acceptable", body=None)
    assert told.templates.get(head(lines).identity_hash, b"Server: p", 0.0) is None
    told.learn("/t", "Server: p", lines, b"406 Not Acceptable", body=MISSING)
    template = told.templates.get(head(lines).identity_hash, b"Server: p", 0.0)
    assert template is not None
    assert template.render(NotSingular({}, b"", 3)).body == MISSING.replace(b"0 rows", b"3 rows")


def test_the_cors_headers_of_an_origin_are_remembered_for_errors_of_our_own() -> None:
    told = Class()
    told.learn("/t", "Access-Control-Allow-Origin: *\nServer: p", "Host: h\nOrigin: http://a")
    assert told.lessons.cors(b"http://a") == b"Access-Control-Allow-Origin: *\r\n"
    assert told.lessons.cors(b"http://b") == told.lessons.cors(b"") == b""
    for number in range(ORIGINS):
        told.learn("/t", "Access-Control-Allow-Origin: *", f"Host: h\nOrigin: http://{number}")
    assert told.lessons.cors(b"http://a") == b""


def test_the_schema_that_needs_no_profile_is_learnt_from_who_names_none() -> None:
    told = Class()
    told.learn("/t", f"{ROWS}\nContent-Profile: twin", "Host: h\nAccept-Profile: twin")
    told.learn("/t")
    assert told.lessons.first_schema == ""
    told.learn("/t", f"{ROWS}\nContent-Profile: api")
    told.learn("/t")
    assert told.lessons.first_schema == "api"
