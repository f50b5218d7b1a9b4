"""A request to PostgREST, taken apart with its values: what it asks of which relation.

Fingerprints (``path.fingerprint``) keep what look-alikes share; this keeps everything, for one who explains it.
"""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

import msgspec

from proxy.postgrest.request.conditions import Condition, Where, read_filter, read_tree
from proxy.postgrest.request.grammar import MAX_QUOTED, Cursor, FieldPath, GrammarError, TooDeepError
from proxy.postgrest.request.select_list import Items, read_select
from proxy.postgrest.request.target import clean_text, decoded, relation_of

Path = tuple[str, ...]
"""Names of embeds, from the outermost; empty for the relation itself."""

_WRITES = frozenset(("POST", "PATCH", "PUT", "DELETE"))
_LOGIC = ("and", "or")


class OrderTerm(msgspec.Struct, frozen=True):
    """One item of ``order``. ``nulls`` is empty, ``first`` or ``last``; ``relation`` is an embed whose column it is."""

    field: FieldPath
    direction: str
    nulls: str
    relation: str


class Level(msgspec.Struct, frozen=True):
    """What is asked of the relation, or of one embed, beside its columns."""

    path: Path
    where: tuple[Where, ...] = ()
    order: tuple[OrderTerm, ...] = ()
    limit: str | None = None
    offset: str | None = None


class ApiRequest(msgspec.Struct, frozen=True):
    """A request for a relation. ``schema`` is empty where the request names none: the first of db-schemas."""

    method: str
    schema: str
    relation: str
    items: Items
    levels: dict[Path, Level]
    columns: tuple[str, ...]
    on_conflict: tuple[str, ...]
    prefers: tuple[str, ...]
    range: str
    """Value of Range; empty when absent."""
    doubts: tuple[str, ...]
    """What PostgREST refuses or ignores, or what depends on its release: one sentence each."""

    @property
    def writes(self) -> bool:
        return self.method in _WRITES

    @property
    def root(self) -> Level:
        return self.levels[()]


def read_api_request(
    method: bytes, target: bytes, mount: bytes, profile: str, prefers: Iterable[bytes], range_: bytes
) -> ApiRequest | None:
    """Take a request apart; None for what is no relation, or no text. ``mount`` is without a trailing slash."""
    path, _, query = target.partition(b"?")
    segment = relation_of(path, len(path), mount)
    if segment is None or clean_text(target) is None:
        return None
    reader = _Reader()
    for param in query.replace(b";", b"&").split(b"&"):
        name, equals, value = param.partition(b"=")
        if equals:  # PostgREST ignores a name alone
            reader.read(_text(name), _text(value))
    if b";" in query:
        reader.doubts.append("A ';' parts parameters, as in PostgREST 12; do not count on it in other releases.")
    return ApiRequest(
        method=method.decode(),
        schema=profile,
        relation=unquote_to_bytes(segment).decode("utf-8", "replace"),
        items=reader.items,
        levels=reader.levels,
        columns=reader.columns,
        on_conflict=reader.on_conflict,
        prefers=tuple(_text(prefer) for prefer in prefers),
        range=range_.decode("latin-1"),
        doubts=tuple(reader.doubts),
    )


def read_order(text: str) -> tuple[OrderTerm, ...]:
    """The items of an ``order``. GrammarError for what PostgREST does not take."""
    cursor = Cursor(text)
    items = [_order(cursor)]
    while cursor.accept(","):
        items.append(_order(cursor))
    if not cursor.at_end:
        raise cursor.error(".asc, .desc, .nullsfirst, .nullslast, ',' or the end")
    return tuple(items)


def _order(cursor: Cursor) -> OrderTerm:
    field, relation = cursor.field(), ""
    if not field.path and cursor.accept("("):
        field, relation = cursor.field(), field.name
        cursor.expect(")")
    direction = next((word for word in ("asc", "desc") if cursor.accept("." + word)), "")
    nulls = next((word for word in ("first", "last") if cursor.accept(".nulls" + word)), "")
    cursor.skip_blanks()
    return OrderTerm(field, direction, nulls, relation)


def _text(raw: bytes) -> str:
    return decoded(raw).decode("utf-8", "replace")


class _Reader:
    """Parameters put in their places, one after another."""

    def __init__(self) -> None:
        self.items: Items = ()
        self.levels: dict[Path, Level] = {(): Level(())}
        self.columns: tuple[str, ...] = ()
        self.on_conflict: tuple[str, ...] = ()
        self.doubts: list[str] = []
        self._seen: set[str] = set()

    def read(self, name: str, value: str) -> None:
        """One parameter; what cannot be read is told, and left out."""
        try:
            self._read(name, value)
        except TooDeepError as error:
            self.doubts.append(f"{_short(name)} is left out: {error}.")
        except GrammarError as error:
            self.doubts.append(f"PostgREST refuses {_short(name)}={_short(value)}, so it is left out: {error}.")
        self._seen.add(name)

    def _read(self, name: str, value: str) -> None:
        last = name.rpartition(".")[2]
        if name in ("select", "columns", "on_conflict"):
            self._read_list(name, value)
        elif last in ("order", "limit", "offset"):
            self._read_bounds(name, last, value)
        else:
            path, where, ignored = (read_tree if last in _LOGIC else read_filter)(name, value)
            self._note_ignored(name, ignored)
            if isinstance(where, Condition) and where.value == "not_null":
                self.doubts.append("is.not_null is read by PostgREST 13 and later.")
            self._set(path, where=(*self._level(path).where, where))

    def _read_list(self, name: str, value: str) -> None:
        if name in self._seen:
            self.doubts.append(f"{name} occurs more than once: the first one counts.")
        elif name == "select":
            self.items, ignored = read_select(value)
            self._note_ignored(name, ignored)
        elif name == "columns":
            self.columns = _names(value)
        else:
            self.on_conflict = _names(value)

    def _read_bounds(self, name: str, last: str, value: str) -> None:
        path = _path(name)
        if name in self._seen:
            self.doubts.append(
                f"{name} occurs more than once: the {'first' if last == 'order' else 'last'} one counts."
            )
        if last == "order":
            self._set(path, order=self._level(path).order or read_order(value))
        else:
            self._set(path, **{last: value})

    def _level(self, path: Path) -> Level:
        return self.levels.get(path, Level(path))

    def _set(self, path: Path, **changes: object) -> None:
        self.levels[path] = msgspec.structs.replace(self._level(path), **changes)

    def _note_ignored(self, name: str, text: str) -> None:
        if text:
            self.doubts.append(f"PostgREST ignores '{text}' at the end of {name}.")


def _short(text: str) -> str:
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"


def _path(name: str) -> Path:
    """The embed that ``kids.order`` is for."""
    cursor = Cursor(name)
    words = [cursor.name()]
    while cursor.accept("."):
        words.append(cursor.name())
    return tuple(words[:-1])


def _names(value: str) -> tuple[str, ...]:
    cursor = Cursor(value)
    names = [cursor.name()]
    while cursor.accept(","):
        cursor.skip_blanks()
        names.append(cursor.name())
    return tuple(names)
