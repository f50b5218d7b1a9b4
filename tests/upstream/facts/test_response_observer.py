"""ResponseObserver: what answers show about upstream, and which answers show nothing."""

from __future__ import annotations

import pytest

from proxy.http1.head import parse_status_line
from proxy.model import NotSingular
from proxy.path.answers.singular import NotSingularTemplates
from proxy.path.evidence.max_rows import MaxRowsEvidence
from proxy.postgrest.response.gateway import POSTGREST
from proxy.upstream.facts.response_observer import ORIGINS, ResponseObserver
from tests.factories import fields, head, query

ROWS = "Content-Range: 0-9/*"
MISSING = b'{"code":"PGRST116","details":"The result contains 0 rows","hint":null,"message":"JSON object requested"}'


class ObserverHarness:
    """An observer, and the objects that it writes to."""

    def __init__(self) -> None:
        self.evidence = MaxRowsEvidence(None, 60.0)
        self.templates = NotSingularTemplates(9)
        self.observer = ResponseObserver(POSTGREST, self.evidence, self.templates, lambda: 0.0)

    def observe(
        self,
        target: str,
        answer: str = ROWS,
        lines: str = "Host: h",
        status: bytes = b"200 OK",
        method: bytes = b"GET",
        body: bytes | None = b"",
    ) -> int:
        line = parse_status_line(b"HTTP/1.1 " + status)
        return self.observer.observe(query(target, lines, method), head(lines), line, fields(answer), body)


def test_a_read_of_a_relation_shows_its_rows_and_that_max_rows_is_not_smaller() -> None:
    harness = ObserverHarness()
    harness.evidence.record_cut(9, 0.0)
    assert harness.observe("/t") == 10
    assert harness.observer.max_rows is None


COUNTED = "Host: h\nPrefer: count=exact"
CUT = "Content-Range: 0-9/25"


def test_a_counted_answer_with_missing_rows_shows_max_rows() -> None:
    harness = ObserverHarness()
    assert harness.observer.max_rows is None
    assert harness.observe("/t?select=id&kid.limit=3", CUT, COUNTED, b"206 Partial Content") == 10
    assert harness.observer.max_rows == 10


@pytest.mark.parametrize(
    ("target", "answer", "lines", "status"),
    [
        ("/t?limit=10", CUT, COUNTED, b"206 Partial Content"),
        ("/t?off%73et=0", CUT, COUNTED, b"206 Partial Content"),
        ("/t", CUT, COUNTED + "\nRange: 0-9", b"206 Partial Content"),
        ("/t", CUT, COUNTED + "\nRange: 5-9", b"206 Partial Content"),
        ("/t?select=count", "Content-Range: 0-0/3", COUNTED, b"206 Partial Content"),
        ("/t?select=id.max()", "Content-Range: 0-0/3", COUNTED, b"206 Partial Content"),
        ("/t", CUT, "Host: h\nPrefer: count=planned", b"206 Partial Content"),
        ("/t", CUT, "Host: h", b"206 Partial Content"),
        ("/t", CUT, COUNTED + "\nX-Fanin: off", b"206 Partial Content"),
        ("/t", "Content-Range: 0-9/10", COUNTED, b"200 OK"),
        ("/t", "Content-Range: */10", COUNTED, b"206 Partial Content"),
    ],
)
def test_rows_that_something_else_may_have_removed_do_not_show_max_rows(
    target: str, answer: str, lines: str, status: bytes
) -> None:
    harness = ObserverHarness()
    harness.observe(target, answer, lines, status)
    assert harness.observer.max_rows is None


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
def test_other_answers_show_no_number_of_rows(changes: dict[str, str]) -> None:
    harness = ObserverHarness()
    harness.evidence.record_cut(3, 0.0)
    assert harness.observe(**changes) == -1  # type: ignore[arg-type]
    assert harness.observer.max_rows == 3


def test_the_406_of_a_missing_object_becomes_a_template() -> None:
    harness, lines = ObserverHarness(), "Host: h\nAccept: application/vnd.pgrst.object+json"
    harness.observe("/t", "Server: p", lines, b"406 Not Acceptable", body=None)
    assert harness.templates.get(head(lines).identity_hash, b"Server: p", 0.0) is None
    harness.observe("/t", "Server: p", lines, b"406 Not Acceptable", body=MISSING)
    template = harness.templates.get(head(lines).identity_hash, b"Server: p", 0.0)
    assert template is not None
    assert template.render(NotSingular({}, b"", 3)).body == MISSING.replace(b"0 rows", b"3 rows")


def test_the_cors_headers_of_an_origin_are_remembered_for_fanins_errors() -> None:
    harness = ObserverHarness()
    harness.observe("/t", "Access-Control-Allow-Origin: *\nServer: p", "Host: h\nOrigin: http://a")
    assert harness.observer.cors(b"http://a") == b"Access-Control-Allow-Origin: *\r\n"
    assert harness.observer.cors(b"http://b") == harness.observer.cors(b"") == b""
    for number in range(ORIGINS):
        harness.observe("/t", "Access-Control-Allow-Origin: *", f"Host: h\nOrigin: http://{number}")
    assert harness.observer.cors(b"http://a") == b""


def test_the_first_schema_is_learned_from_requests_without_a_profile() -> None:
    harness = ObserverHarness()
    harness.observe("/t", f"{ROWS}\nContent-Profile: twin", "Host: h\nAccept-Profile: twin")
    harness.observe("/t")
    assert harness.observer.first_schema == ""
    harness.observe("/t", f"{ROWS}\nContent-Profile: api")
    harness.observe("/t")
    assert harness.observer.first_schema == "api"
