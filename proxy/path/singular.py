"""The 406 for a caller that wants one object and has none, or several: learnt from PostgREST, never made up.

Its headers and words differ from release to release (MERGE.md §3.1), so a real one is kept per identity, with a hole
for the number of rows.
"""

from collections import OrderedDict

import msgspec

from proxy.http1.head import Field, line_of
from proxy.model import Miss, Share
from proxy.postgrest.answers import FRAMING, TEMPLATE_HEADERS
from proxy.postgrest.problem import read_problem

_BEFORE, _AFTER = b'"The result contains ', b" rows"
WRONG_NUMBER = "PGRST116"


class Template(msgspec.Struct, frozen=True):
    """A 406 in pieces: head lines before and after Date, body before and after the number."""

    server: bytes
    """The Server line, which names the release whose words these are."""
    before_date: bytes
    after_date: bytes
    before_number: bytes
    after_number: bytes

    def fill(self, miss: Miss) -> Share:
        """The answer for ``miss.rows`` rows, at the time of ``miss.date``."""
        body = self.before_number + b"%d" % miss.rows + self.after_number
        date = miss.date + b"\r\n" if miss.date else b""
        head = b"".join((self.before_date, date, self.after_date, b"Content-Length: %d\r\n" % len(body)))
        return Share(head, body, 0)


def read_template(status_line: bytes, fields: tuple[Field, ...], body: bytes) -> Template | None:
    """The template of a 406; None for one that says something else, or has a header that may differ by row."""
    before, found, rest = body.partition(_BEFORE)
    digits, words, after = rest.partition(_AFTER)
    if not (found and words and digits.isdigit()) or read_problem(body).code != WRONG_NUMBER:
        return None
    lines: list[bytes] = []
    dated = 0
    for field in fields:
        if field.name == b"date":
            dated = len(lines)
        elif field.name in TEMPLATE_HEADERS:
            lines.append(field.line + b"\r\n")
        elif field.name not in FRAMING:
            return None
    first = b"".join([status_line, b"\r\n", *lines[:dated]])
    return Template(line_of(fields, b"server"), first, b"".join(lines[dated:]), before + _BEFORE, _AFTER + after)


class Templates:
    """A template for each identity that has met a 406, the latest ones."""

    def __init__(self, limit: int) -> None:
        self._templates: OrderedDict[bytes, Template] = OrderedDict()
        self._limit = limit

    def learn(self, who: bytes, template: Template) -> None:
        """Keep ``template`` for the identity that was answered so."""
        self._templates[who] = template
        self._templates.move_to_end(who)
        if len(self._templates) > self._limit:
            self._templates.popitem(last=False)

    def get(self, who: bytes, server: bytes) -> Template | None:
        """The template for an identity, unless it is another release that answers now."""
        template = self._templates.get(who)
        return template if template is not None and template.server == server else None
