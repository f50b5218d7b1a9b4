"""Answers that passed in a trace, and the values in one column of them: what a loop is expected to ask for next.

The bytes are kept as they came. They are searched for a value first, and only an answer that has it is decoded.

Source: docs/explanation/prefetching.md.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from proxy.model import NOT_JSON
from proxy.postgrest.singular import singular
from proxy.prefetch_in_turn import IN_TURN, columns_in_turn, interleaved

MAX_ANSWER = 512_000
"""Bytes of the largest answer that is remembered, before and after its compression is undone."""
MAX_DECODED = 1_000_000
"""Bytes of answers after which no further one is decoded for the same request: this takes some milliseconds."""
MAX_SEARCHED = 64
"""Answers of one query that are searched for a value, the latest first."""
MAX_FOUND = 50
"""Places of a value that are looked at in one answer to find the columns that have it."""
MAX_COLUMNS = 8
"""Columns of one answer in which two values are looked for, those that fit the filter best first."""
MAX_EARLIER = 4
"""Answers before that one that are searched for the value before it."""
OVERHEAD = 400
"""Estimated bytes of an answer besides its body."""

MAX_NESTED = 128_000
"""Bytes of the largest answer whose embedded rows are searched."""
NESTED = "->"
"""Between the name of an embed and that of a member of its rows."""
_decode_rows = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
ColumnValues = tuple[bytes | None, ...]
"""A value per row, as a filter spells it; None for null and for what is neither an integer nor a text."""


class RememberedAnswer:
    """One answer with rows in JSON. ``coding`` is its Content-Encoding; one that cannot be undone has no rows."""

    def __init__(self, body: bytes, coding: bytes = b"") -> None:
        self.size = OVERHEAD + len(body) + len(body) // 4
        """Estimated bytes, with those of a decoded column."""
        self._body = body
        self._coding = coding
        self._columns: dict[str, ColumnValues] = {}

    def names_of(self, text: bytes) -> list[str]:
        """Names whose value is ``text`` somewhere in it: of columns, and of members of values."""
        body = self._plain()
        names: dict[bytes, None] = {}
        for written in _written_forms(text):
            at = body.find(written)
            for _ in range(MAX_FOUND):
                if at < 0:
                    break
                names[body[body.rfind(b'"', 0, at) + 1 : at]] = None
                at = body.find(written, at + 1)
        return [name.decode("utf-8", "replace") for name in names]

    def nested_names(self, text: bytes, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that are members of embedded rows with ``text``: ``embed->name``."""
        body = self._plain()
        if len(body) > MAX_NESTED:
            return []
        try:
            rows = _decode_rows(body)
        except NOT_JSON:
            return []
        embeds = dict.fromkeys(
            [member for row in rows for member, value in row.items() if _is_nested(value) and text in bytes(value)]
        )
        return [f"{embed}{NESTED}{name}" for embed in embeds for name in names]

    def column(self, name: str) -> ColumnValues:
        """The values of a column, or of several in turn, row by row (``IN_TURN``)."""
        found = self._columns.get(name)
        if found is None:
            several = name.split(IN_TURN)
            if len(several) > 1:
                found = tuple(interleaved([self.column(each) for each in several]))
            else:
                found = _column(self._plain(), name)
            self._columns[name] = found
        return found

    def cost(self, name: str) -> int:
        """Bytes that have to be decoded for the column ``name``."""
        return 0 if name in self._columns else self.size

    def _plain(self) -> bytes:
        return _decompressed(self._body, self._coding) if self._coding else self._body


@lru_cache(maxsize=256)
def _decoders(name: str) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    """Decoders of one row and of an array of rows that read the member ``name`` only."""
    row = msgspec.defstruct("Row", [("value", msgspec.Raw, msgspec.Raw())], rename={"value": name}, gc=False)
    return msgspec.json.Decoder(row), msgspec.json.Decoder(list[row])  # type: ignore[valid-type]


def _column(body: bytes, name: str) -> ColumnValues:
    """The values of a column, or of a member of the rows of an embed, in their order."""
    embed, nested, inner = name.partition(NESTED)
    if not nested:
        return tuple([_text(value) for value in _members(body, name)])
    embedded = (bytes(value) for value in _members(body, embed) if _is_nested(value))
    return tuple([_text(value) for own in embedded for value in _members(own, inner)])


def _is_nested(value: msgspec.Raw) -> bool:
    return bytes(value)[:1] in (b"[", b"{")


def _members(body: bytes, name: str) -> list[msgspec.Raw]:
    one, several = _decoders(name)
    try:
        rows = [one.decode(body)] if body[:1] == b"{" else several.decode(body)
    except NOT_JSON:
        return []
    return [row.value for row in rows]


def _written_forms(text: bytes) -> Iterator[bytes]:
    """How a member with the value ``text`` goes on after its name: the closing quote, and the value. Embedded rows have
    a blank after the colon.
    """
    for colon in (b'":', b'": '):
        if text.removeprefix(b"-").isdigit():
            yield b"%b%b," % (colon, text)
            yield b"%b%b}" % (colon, text)
        yield colon + msgspec.json.encode(text.decode("utf-8", "replace"))


def _decompressed(body: bytes, coding: bytes) -> bytes:
    """The body without its compression; empty if it is not gzip or deflate, broken, or too large."""
    if coding not in (b"gzip", b"deflate", b"x-gzip"):
        return b""
    try:
        reader = zlib.decompressobj(wbits=47)  # finds out which of the two it is
        plain = reader.decompress(body, MAX_ANSWER)
    except zlib.error:
        return b""
    return plain if reader.eof else b""


def _text(value: msgspec.Raw) -> bytes | None:
    raw = bytes(value)
    if raw[:1] == b'"':
        return raw[1:-1] if b"\\" not in raw else msgspec.json.decode(raw, type=str).encode("utf-8", "replace")
    return raw if raw.removeprefix(b"-").isdigit() else None


class Place(msgspec.Struct, frozen=True, gc=False):
    """A row in the answers to one query, and a column."""

    column: str
    answer: int
    """Number of the answer; they are numbered from the first one that was ever remembered."""
    row: int
    step: int = 1
    """How many values after the value before it stands: 1 is the next one."""


class ValueSource:
    """The answers to one query with several literals, in the order in which they came."""

    def __init__(self, fingerprint: str, relation: str) -> None:
        self.fingerprint = fingerprint
        self.relation = relation
        self.size = 0
        self._answers: deque[RememberedAnswer] = deque()
        self._first = 0

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: RememberedAnswer) -> None:
        """Remember one more answer."""
        self._answers.append(answer)
        self.size += answer.size

    def forget_first(self) -> int:
        """Forget the answer that is remembered for the longest time; returns the bytes that it held."""
        size = self.size
        self._answers.popleft()
        self._first += 1
        self.size = sum([answer.size for answer in self._answers])
        return size - self.size

    def place_of(self, text: bytes, before: bytes | None, filters: tuple[str, str], only: str = "") -> Place | None:
        """Where ``text`` stands, in the latest answer that has it, and in the same column after ``before`` if given.

        ``filters`` are the relation and the column of the filter that has the value. Of several columns the one is
        taken in which ``text`` is the value next to ``before``, then the one that is named like these. ``only`` is the
        one column that counts.
        """
        decoded = 0
        latest = len(self._answers) - 1
        for at in range(latest, max(-1, latest - MAX_SEARCHED), -1):
            answer = self._answers[at]
            names = [only] if only else answer.names_of(text)
            if not names:
                continue
            if decoded > MAX_DECODED:
                return None
            decoded += answer.cost(only)
            names.sort(key=lambda name: _rank(name, filters, self.relation))
            place = self._nearest(at, names, text, before)
            if place is None and not only:
                place = self._nearest(at, answer.nested_names(text, names), text, before)
            if place is not None:
                return place
        return None

    def place_in_turn(self, text: bytes, recent: Sequence[bytes], filters: tuple[str, str]) -> Place | None:
        """Where ``text`` stands in the latest answer that has it and the values asked for before it in several columns
        in turn.
        """
        decoded = 0
        latest = len(self._answers) - 1
        for at in range(latest, max(-1, latest - MAX_SEARCHED), -1):
            answer = self._answers[at]
            own = self._ranked(answer, text, filters)
            if not own:
                continue
            names = dict.fromkeys(own)
            for each in reversed(recent):
                names.update(dict.fromkeys(self._ranked(answer, each, filters)))
            if decoded > MAX_DECODED:
                return None
            decoded += answer.size
            found = columns_in_turn({name: answer.column(name) for name in names}, recent, text)
            if found is not None:
                several, row, name = found
                return Place(IN_TURN.join(several), self._first + at, row * len(several) + several.index(name))
        return None

    def _ranked(self, answer: RememberedAnswer, text: bytes, filters: tuple[str, str]) -> list[str]:
        """The columns that may have ``text``, those that fit the filter best first."""
        return sorted(answer.names_of(text), key=lambda name: _rank(name, filters, self.relation))[:MAX_COLUMNS]

    def _nearest(self, at: int, names: Iterable[str], text: bytes, before: bytes | None) -> Place | None:
        """The first of the columns in which ``text`` is next to ``before``, else the first that has both in order."""
        first = None
        for name in islice(names, MAX_COLUMNS):
            found = self._row_after(at, name, text, before)
            if found is not None:
                place = Place(name, self._first + at, *found)
                if place.step == 1:
                    return place
                first = first or place
        return first

    def _row_after(self, at: int, name: str, text: bytes, before: bytes | None) -> tuple[int, int] | None:
        """The row of ``text``, and how many values after ``before`` it stands."""
        values = self._answers[at].column(name)
        if before is None:
            row = _index(values, text, 0)
            return None if row is None else (row, 1)
        if before in values:
            return _nearest_row(values, text, before)
        earlier = islice(reversed(self._answers), len(self._answers) - at, len(self._answers) - at + MAX_EARLIER)
        if any(_last(name) in answer.names_of(before) and before in answer.column(name) for answer in earlier):
            row = _index(values, text, 0)
            return None if row is None else (row, row + 1 - values[:row].count(None))
        return None

    def next_place(self, place: Place, text: bytes) -> Place | None:
        """The next row after ``place`` that has ``text`` in its column."""
        for answer, row, value in self._after(place):
            if value == text:
                return Place(place.column, answer, row)
        return None

    def following(self, place: Place, most: int) -> dict[bytes, int]:
        """At most ``most`` different values in the column after ``place``, and how often each stands in these rows."""
        found: dict[bytes, int] = {}
        own = self._value(place)
        for _, _, value in self._after(place):
            if value in found:
                found[value] += 1
            elif value is not None and value != own:
                if len(found) >= most:
                    break
                found[value] = 1
        return found

    def left(self, place: Place) -> int:
        """The number of different values in the column from ``place`` on."""
        return len({value for _, _, value in self._after(place)} - {None} | {self._value(place)})

    def _value(self, place: Place) -> bytes | None:
        at = place.answer - self._first
        values = self._answers[at].column(place.column) if 0 <= at < len(self._answers) else ()
        return values[place.row] if place.row < len(values) else None

    def _after(self, place: Place) -> Iterator[tuple[int, int, bytes | None]]:
        decoded = 0
        for at in range(max(0, place.answer - self._first), len(self._answers)):
            answer, number = self._answers[at], self._first + at
            if decoded > MAX_DECODED:
                return
            decoded += answer.cost(place.column)
            start = place.row + 1 if number == place.answer else 0
            for row, value in enumerate(answer.column(place.column)[start:], start):
                yield number, row, value


def _last(name: str) -> str:
    return name.rpartition(NESTED)[2]


def _index(values: ColumnValues, text: bytes, start: int) -> int | None:
    try:
        return values.index(text, start)
    except ValueError:
        return None


def _nearest_row(values: ColumnValues, text: bytes, before: bytes) -> tuple[int, int] | None:
    """The row in which ``text`` stands the fewest values after ``before``, and how many; nulls do not count. Of the
    rows with ``before`` only some are looked at.
    """
    best, at = None, _index(values, before, 0)
    for _ in range(MAX_FOUND):
        row = None if at is None else _index(values, text, at + 1)
        if at is None or row is None:
            break
        step = row - at - values[at:row].count(None)
        best = min(best or (step, row), (step, row))
        if best[0] == 1:
            break
        at = _index(values, before, at + 1)
    return best and (best[1], best[0])


def _rank(name: str, filters: tuple[str, str], relation: str) -> int:
    """How well a column of ``relation`` fits the filter, given by its relation and column: the lower, the better."""
    read, key_column = filters
    if name == key_column and name != "id":
        return 0
    if name == "id" and key_column == _reference_to(relation):
        return 0
    if name.endswith("_id") and key_column == "id":
        return 0 if name == _reference_to(read) else 1
    return 2 if name == "id" or name.endswith("_id") else 3


def _reference_to(relation: str) -> str:
    """The usual name of a column that refers to a relation."""
    return f"{singular(relation.rpartition('.')[2])}_id"
