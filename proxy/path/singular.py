"""The 406 for a caller that wants one object and has none, or several: learnt from PostgREST, never made up.

Its headers and words differ from release to release (docs/explanation/merging.md#single-objects), so a real one is kept
per identity, with a hole for the number of rows. Server names the release; where a gateway puts its own name there, a
406 is soon learnt anew.
"""

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from proxy.http1.head import HeaderField, line_of
from proxy.model import FallbackReason, NotSingular, Slice
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import TEMPLATE_HEADERS, is_per_answer, shareable
from proxy.postgrest.response.problem import read_error_body

_BEFORE_NUMBER, _AFTER_NUMBER = b'"The result contains ', b" rows"
NOT_SINGULAR_CODE = "PGRST116"
UNVERSIONED_LIFETIME = 60.0
"""Seconds that a 406 is believed where Server does not name PostgREST's release."""


class NotSingularTemplate(msgspec.Struct, frozen=True):
    """A 406 with holes: in its head for the stamps, which are each answer's own, in its body for the number."""

    server: bytes
    """The Server line, which names the release whose words these are."""
    head: tuple[tuple[bytes, bytes], ...]
    """Lines, each with its CRLF, and the name of the stamp that follows them; no name after the last ones."""
    before_number: bytes
    after_number: bytes

    def render(self, miss: NotSingular) -> Slice:
        """The answer for ``miss.rows`` rows, with the stamps of ``miss``."""
        body = self.before_number + b"%d" % miss.rows + self.after_number
        head = b"".join([lines + miss.per_answer_lines.get(stamp, b"") for lines, stamp in self.head])
        return Slice(head + b"Content-Length: %d\r\n" % len(body), body, 0)


def read_template(
    status_line: bytes, fields: tuple[HeaderField, ...], body: bytes, gateway: Gateway
) -> NotSingularTemplate | None:
    """The template of a 406; None for one that says something else, or has a header that may differ by row."""
    before, found, rest = body.partition(_BEFORE_NUMBER)
    digits, words, after = rest.partition(_AFTER_NUMBER)
    if not (found and words and digits.isdigit()) or read_error_body(body).code != NOT_SINGULAR_CODE:
        return None
    kept = shareable(fields, TEMPLATE_HEADERS, gateway)
    if isinstance(kept, FallbackReason):
        return None
    head = tuple(_split_at_per_answer_lines(status_line, kept, gateway))
    return NotSingularTemplate(line_of(fields, b"server"), head, before + _BEFORE_NUMBER, _AFTER_NUMBER + after)


def _split_at_per_answer_lines(
    status_line: bytes, fields: list[HeaderField], gateway: Gateway
) -> Iterator[tuple[bytes, bytes]]:
    """A head cut at its stamps; a stamp of several lines has one hole, where its first line was."""
    lines, seen = status_line + b"\r\n", set()
    for field in fields:
        if not is_per_answer(field.name, gateway):
            lines += field.line + b"\r\n"
        elif field.name not in seen:
            seen.add(field.name)
            yield lines, field.name
            lines = b""
    yield lines, b""


class NotSingularTemplates:
    """A template for each identity that has met a 406, the latest ones."""

    def __init__(self, limit: int) -> None:
        self._templates: OrderedDict[bytes, tuple[NotSingularTemplate, float]] = OrderedDict()
        self._limit = limit

    def learn(self, who: bytes, template: NotSingularTemplate, now: float) -> None:
        """Keep ``template`` for the identity that was answered so."""
        self._templates[who] = template, now
        self._templates.move_to_end(who)
        if len(self._templates) > self._limit:
            self._templates.popitem(last=False)

    def slice_for(self, share: Slice | NotSingular, who: bytes, now: float) -> Slice | None:
        """What to answer an identity; None while nobody knows how PostgREST says that there is not exactly one row."""
        if isinstance(share, Slice):
            return share
        template = self.get(who, share.server, now)
        return None if template is None else template.render(share)

    def get(self, who: bytes, server: bytes, now: float) -> NotSingularTemplate | None:
        """The template for an identity, unless another release answers now, or may do so."""
        template, learnt = self._templates.get(who, (None, now))
        if template is None or template.server != server:
            return None
        return template if b"postgrest/" in server or now - learnt <= UNVERSIONED_LIFETIME else None
