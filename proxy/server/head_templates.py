"""Heads that differ from a parsed one only in the values of tracing headers are not parsed again.

Tracing systems send other values in each call, or in each trace.
"""

from collections.abc import Callable

import msgspec

from proxy.bounded_table import BoundedTable
from proxy.http1.head import HeaderField, parse_field, parse_fields
from proxy.model import RequestHead
from proxy.path.reading.identity import NAMES_OF_CALLS, PREFIXES_OF_CALLS, HeadRules, is_forwarded, trace_name

ReadBlock = Callable[[bytes, int], RequestHead]
"""Parses header lines of HTTP/1.1 or 1.0; FaultError if they are malformed or ambiguous."""

MAX_TEMPLATES = 1024
"""The most templates that are kept."""
MAX_TEMPLATE_BYTES = 4_000_000
"""The most estimated bytes of all templates."""
COPIES = 7
"""How often a template has its bytes in memory: as its key, in the head's lines and identities, and as pieces."""
FAULT = "FANIN102"


class HeadTemplate(msgspec.Struct, frozen=True, eq=False):
    """A head that was read with empty values in its *open* lines, those which only name a call."""

    head: RequestHead
    forwarded: tuple[bytes, ...]
    """``head.forwarded_lines`` around its open lines."""
    merged: tuple[bytes, ...]
    """``head.merged_lines`` around its open lines."""
    sent: tuple[bool, ...]
    """Per open line, whether it is forwarded."""
    named: tuple[HeaderField, ...]
    """The other lines, as far as they may name a trace."""


class HeadTemplates:
    """Reads blocks of header lines by templates; ``read`` parses what a template is made of."""

    def __init__(self, rules: HeadRules, read: ReadBlock) -> None:
        self._read = read
        self._trace_headers = rules.trace_headers
        self._is_open = rules.only_names_call
        self._templates: BoundedTable[tuple[bytes, int], HeadTemplate] = BoundedTable(MAX_TEMPLATES, MAX_TEMPLATE_BYTES)

    def read(self, block: bytes, minor: int) -> RequestHead:
        """Same result as the constructor's ``read``."""
        lines = block.split(b"\r\n")
        varying = []
        for at, line in enumerate(lines):
            name, colon, _ = line.partition(b":")
            lower = name.lower()
            # Checked here first, because most lines are of other names.
            if (lower in NAMES_OF_CALLS or lower.startswith(PREFIXES_OF_CALLS)) and colon and self._is_open(lower):
                varying.append(line)
                lines[at] = name + colon
        if not varying:
            return self._read(block, minor)
        key = (b"\r\n".join(lines), minor)
        template = self._templates.get(key)
        if template is None:
            template = self._template(*key, varying)
            self._templates.put(key, template, COPIES * len(key[0]))
        return self._filled(template, [parse_field(line, FAULT) for line in varying])

    def _filled(self, template: HeadTemplate, fields: list[HeaderField]) -> RequestHead:
        lines = [field.line for field, is_sent in zip(fields, template.sent, strict=True) if is_sent]
        return msgspec.structs.replace(
            template.head,
            forwarded_lines=_joined(template.forwarded, lines),
            merged_lines=_joined(template.merged, lines),
            trace=trace_name((*fields, *template.named), self._trace_headers),
        )

    def _template(self, block: bytes, minor: int, varying: list[bytes]) -> HeadTemplate:
        head = self._read(block, minor)
        named = [field for field in parse_fields(block, FAULT) if field.name in self._trace_headers]
        return HeadTemplate(
            head,
            self._pieces(head.forwarded_lines),
            self._pieces(head.merged_lines),
            tuple([is_forwarded(_name(line)) for line in varying]),
            tuple([field for field in named if not self._is_open(field.name)]),
        )

    def _pieces(self, lines: bytes) -> tuple[bytes, ...]:
        """``lines``, each with its CRLF, around the open ones."""
        pieces = [b""]
        for line in lines.splitlines(keepends=True):
            if self._is_open(_name(line)):
                pieces.append(b"")
            else:
                pieces[-1] += line
        return tuple(pieces)


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()


def _joined(pieces: tuple[bytes, ...], lines: list[bytes]) -> bytes:
    """The pieces with the lines between them."""
    text = pieces[0]
    for line, piece in zip(lines, pieces[1:], strict=True):
        text += line + b"\r\n" + piece
    return text
