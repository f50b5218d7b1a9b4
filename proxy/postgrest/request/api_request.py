"""Parses a whole request to PostgREST, values included, for ``fanin explain`` and the SQL of a request.

``path.reading.fingerprint`` parses only what merging needs.
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
    """One item of ``order``. ``nulls`` is empty, ``first`` or ``last``; ``relation`` is the column's embed, if any."""

    field: FieldPath
    direction: str
    nulls: str
    relation: str


class QueryLevel(msgspec.Struct, frozen=True):
    """The filters, order, limit and offset of the relation (``path`` is empty) or of one embed."""

    path: Path
    where: tuple[Where, ...] = ()
    order: tuple[OrderTerm, ...] = ()
    limit: str | None = None
    offset: str | None = None


class EmbedParam(msgspec.Struct, frozen=True):
    """One parameter of an embed. ``kind`` is ``filter``, ``logic``, ``order`` or ``range``."""

    kind: str
    path: Path
    where: Where | None = None
    order: tuple[OrderTerm, ...] = ()
    limit: str | None = None
    offset: str | None = None


class ApiRequest(msgspec.Struct, frozen=True):
    """A request for a relation. An empty ``schema`` is the default one, the first of PostgREST's db-schemas."""

    method: str
    schema: str
    relation: str
    items: Items
    levels: dict[Path, QueryLevel]
    columns: tuple[str, ...]
    on_conflict: tuple[str, ...]
    prefers: tuple[str, ...]
    range: str
    """Value of Range; empty when absent."""
    notes: tuple[str, ...]
    """Notes on what PostgREST rejects or ignores, and on what depends on its release: one sentence each. The name is
    public in the JSON of ``fanin explain``."""
    embed_params: tuple[EmbedParam, ...] = ()
    """The parameters of embeds in the order of the query. ``levels`` has the same by embed."""

    @property
    def writes(self) -> bool:
        return self.method in _WRITES

    @property
    def root(self) -> QueryLevel:
        return self.levels[()]


def read_api_request(
    method: bytes, target: bytes, mount: bytes, profile: str, prefers: Iterable[bytes], range_: bytes
) -> ApiRequest | None:
    """Parse a request; None if its path names no relation or it is not UTF-8. ``mount`` has no trailing slash."""
    path, _, query = target.partition(b"?")
    segment = relation_of(path, len(path), mount)
    if segment is None or clean_text(target) is None:
        return None
    reader = _Reader()
    for param in query.replace(b";", b"&").split(b"&"):
        name, equals, value = param.partition(b"=")
        if equals:  # PostgREST ignores a name without a value
            reader.read(_text(name), _text(value))
    if b";" in query:
        reader.notes.append("A ';' separates parameters in PostgREST 12; other releases may read it differently.")
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
        notes=tuple(reader.notes),
        embed_params=tuple(reader.embed_params),
    )


def read_order(text: str) -> tuple[OrderTerm, ...]:
    """The items of an ``order``. GrammarError if PostgREST does not accept it."""
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
    """Reads the parameters one after another and collects the parts of an ApiRequest."""

    def __init__(self) -> None:
        self.items: Items = ()
        self.levels: dict[Path, QueryLevel] = {(): QueryLevel(())}
        self.columns: tuple[str, ...] = ()
        self.on_conflict: tuple[str, ...] = ()
        self.notes: list[str] = []
        self.embed_params: list[EmbedParam] = []
        self._seen: set[str] = set()

    def read(self, name: str, value: str) -> None:
        """Read one parameter. One that cannot be parsed is left out, with a note in ``notes``."""
        try:
            self._read(name, value)
        except TooDeepError as error:
            self.notes.append(f"{_short(name)} is left out: {error}.")
        except GrammarError as error:
            self.notes.append(f"PostgREST rejects {_short(name)}={_short(value)}, so it is left out: {error}.")
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
                self.notes.append("is.not_null needs PostgREST 13 or later.")
            self._set(path, where=(*self._level(path).where, where))
            self._keep(EmbedParam("logic" if last in _LOGIC else "filter", path, where))

    def _read_list(self, name: str, value: str) -> None:
        if name in self._seen:
            self.notes.append(f"{name} occurs more than once: PostgREST uses the first one.")
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
            self.notes.append(
                f"{name} occurs more than once: PostgREST uses the {'first' if last == 'order' else 'last'} one."
            )
        if last == "order":
            order = read_order(value)
            self._set(path, order=self._level(path).order or order)
            self._keep(EmbedParam("order", path, order=order))
        elif last == "limit":
            self._set(path, limit=value)
            self._keep(EmbedParam("range", path, limit=value))
        else:
            self._set(path, offset=value)
            self._keep(EmbedParam("range", path, offset=value))

    def _keep(self, param: EmbedParam) -> None:
        if param.path:
            self.embed_params.append(param)

    def _level(self, path: Path) -> QueryLevel:
        return self.levels.get(path, QueryLevel(path))

    def _set(self, path: Path, **changes: object) -> None:
        self.levels[path] = msgspec.structs.replace(self._level(path), **changes)

    def _note_ignored(self, name: str, text: str) -> None:
        if text:
            self.notes.append(f"PostgREST ignores '{text}' at the end of {name}.")


def _short(text: str) -> str:
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"


def _path(name: str) -> Path:
    """The path of the embed in a parameter's name: ``("kids",)`` for ``kids.order``."""
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
