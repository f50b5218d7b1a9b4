"""The text of an explanation shows all parts of the request and no control characters."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from proxy.explain.text import lines, to_json
from tests.explain.factories import explained, text


def test_the_text_shows_all_parts_of_the_request() -> None:
    shown = text(
        "/t?select=id,n:d->>k::int,x:r!inner(a.sum()::text,count())&id=eq.1&or=(a.in.(1,2),not.and(b.is.null))"
        "&order=id.desc.nullslast,r(a)&limit=3&offset=2&r.a=fts(german).x"
    )
    for line in (
        "  relation   public.t (schema: the first of catalog.schemas, since there is no profile header)",
        "  select     id, n:d->>k::int, x:r!inner(a.sum()::text, count())",
        "  filter     id eq '1'",
        "  filter     (a in ('1', '2') or not (b is null))",
        "  order      id desc nulls last, r(a)",
        "  limit      3",
        "  offset     2",
        "  filter     a fts(german) 'x' of r",
    ):
        assert line in shown.splitlines()


RAW = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60)


@given(RAW, st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "X"]))
def test_every_target_has_an_explanation(query: str, method: str) -> None:
    explanation = explained(f"{method} /t?{query}")
    assert all(line.isprintable() for line in lines(explanation))
    json.loads(to_json(explanation))
