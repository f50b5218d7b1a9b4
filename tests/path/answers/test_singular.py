"""The 406 for a request for one object is PostgREST's, with another number of rows."""

from __future__ import annotations

import pytest

from proxy.model import NotSingular, Slice
from proxy.path.answers.singular import UNVERSIONED_LIFETIME, NotSingularTemplates, read_template
from proxy.postgrest.response.gateway import POSTGREST, SUPABASE
from tests.factories import fields, head

LINE = b"HTTP/1.1 406 Not Acceptable"
TYPES = "Content-Type: application/json; charset=utf-8\nContent-Type: application/vnd.pgrst.object+json; charset=utf-8"
HEAD = f"Transfer-Encoding: chunked\nDate: then\nServer: postgrest/12.0.2\n{TYPES}"
NOW = {b"date": b"Date: now\r\n"}
BODY = (
    b'{"code":"PGRST116","details":"The result contains 0 rows","hint":null,'
    b'"message":"JSON object requested, multiple (or no) rows returned"}'
)


def test_a_template_is_rendered_with_another_number_and_another_date() -> None:
    template = read_template(LINE, fields(HEAD), BODY, POSTGREST, head())
    assert template is not None
    share = template.render(NotSingular(NOW, b"", 12))
    assert share.body == BODY.replace(b" 0 rows", b" 12 rows")
    expected = f"Date: now\nServer: postgrest/12.0.2\n{TYPES}\nContent-Length: {len(share.body)}\n"
    assert share.head == LINE + b"\r\n" + expected.replace("\n", "\r\n").encode()


def test_the_date_keeps_its_position_among_the_headers() -> None:
    template = read_template(LINE, fields("Server: s\nDate: then\nVary: Accept"), BODY, POSTGREST, head())
    assert template is not None
    assert template.render(NotSingular(NOW, b"", 0)).head.startswith(LINE + b"\r\nServer: s\r\nDate: now\r\nVary: ")


def test_a_missing_date_is_not_added() -> None:
    template = read_template(LINE, fields("Server: s"), BODY, POSTGREST, head())
    assert template is not None
    assert b"Date" not in template.render(NotSingular({}, b"", 2)).head


def test_gateway_headers_are_those_of_the_rendered_answer_and_not_of_the_template() -> None:
    learnt = "cf-ray: old\nDate: then\nVia: old\nServer: s\nVia: older\nSet-Cookie: __cf_bm=old\nAge: 1\nVary: Accept"
    template = read_template(LINE, fields(learnt), BODY, SUPABASE, head())
    assert template is not None
    ray, via = {b"cf-ray": b"cf-ray: new\r\n"}, {b"via": b"Via: 1\r\nVia: 2\r\n"}
    rendered = template.render(NotSingular(NOW | ray | via | {b"nel": b"NEL: {}\r\n"}, b"", 0)).head
    expected = "cf-ray: new\nDate: now\nVia: 1\nVia: 2\nServer: s\nVary: Accept\n"
    assert rendered.startswith(LINE + b"\r\n" + expected.replace("\n", "\r\n").encode() + b"Content-Length: ")


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (HEAD, BODY.replace(b"PGRST116", b"PGRST107")),
        (HEAD, BODY.replace(b" 0 rows", b" no rows")),
        (HEAD, b"not json: The result contains 0 rows"),
        (HEAD + "\nX-Film: 3", BODY),
        (HEAD + "\nSet-Cookie: a=b", BODY),
        (HEAD + "\nContent-Encoding: gzip", b"\x1f\x8b\x08"),
        (HEAD + "\nSet-Cookie: __cf_bm=b", BODY),
        (HEAD + "\ncf-ray: 1", BODY),
    ],
)
def test_an_answer_that_may_depend_on_the_row_is_not_a_template(lines: str, body: bytes) -> None:
    assert read_template(LINE, fields(lines), body, POSTGREST, head()) is None


def test_templates_are_stored_per_identity_and_bounded() -> None:
    template = read_template(LINE, fields(HEAD), BODY, POSTGREST, head())
    assert template is not None
    templates = NotSingularTemplates(2)
    for who in (b"a", b"b", b"c"):
        templates.learn(who, template, 0.0)
    server = b"Server: postgrest/12.0.2"
    assert templates.get(b"a", server, 1e9) is None
    assert templates.get(b"b", server, 1e9) is templates.get(b"c", server, 1e9) is template


def test_a_not_singular_result_needs_a_template_and_a_slice_does_not() -> None:
    template = read_template(LINE, fields(HEAD), BODY, POSTGREST, head())
    assert template is not None
    templates, share, miss = (
        NotSingularTemplates(2),
        Slice(b"", b"[]", 0),
        NotSingular(NOW, b"Server: postgrest/12.0.2", 3),
    )
    assert templates.slice_for(share, b"a", 0.0) is share
    assert templates.slice_for(miss, b"a", 0.0) is None
    templates.learn(b"a", template, 0.0)
    assert templates.slice_for(miss, b"a", 0.0) == template.render(miss)
    assert templates.slice_for(miss, b"b", 0.0) is None


def test_a_template_of_another_release_is_not_used() -> None:
    template = read_template(LINE, fields(HEAD), BODY, POSTGREST, head())
    assert template is not None
    templates = NotSingularTemplates(2)
    templates.learn(b"a", template, 0.0)
    assert templates.get(b"a", b"Server: postgrest/13.0.0", 1e9) is None


def test_a_template_expires_if_server_does_not_name_the_release() -> None:
    template = read_template(LINE, fields("Server: cloudflare"), BODY, SUPABASE, head())
    assert template is not None
    templates = NotSingularTemplates(2)
    templates.learn(b"a", template, 10.0)
    assert templates.get(b"a", b"Server: cloudflare", 10.0 + UNVERSIONED_LIFETIME) is template
    assert templates.get(b"a", b"Server: cloudflare", 10.1 + UNVERSIONED_LIFETIME) is None
