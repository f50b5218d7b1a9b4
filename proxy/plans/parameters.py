"""Representative values for the parameters of a statement, since recordings hold none.

Three sets are made: each parameter is a most common value, a median one, or one that no row has. A literal that is the
same in all calls of a fingerprint is found again among the most common values, by its hash with the recording's salt.

PostgreSQL, "pg_stats".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Literal, Protocol
from urllib.parse import quote, quote_plus

import msgspec

Label = Literal["most common", "median", "absent"]
LABELS: tuple[Label, ...] = ("most common", "median", "absent")
LISTED = 10
"""Most elements of a list that stands for one of ``in``."""

ABSENT_TEXT = "fanin-absent"
ABSENT_UUID = "f0000000-0000-4000-8000-00000000000f"
NUMBERS = frozenset(("smallint", "integer", "bigint", "numeric", "real", "double precision"))
TEXTS = frozenset(("text", "character varying", "character", "citext", "name"))
TIMES = frozenset(("date", "timestamp without time zone", "timestamp with time zone"))
OTHER_VALUES = {
    "uuid": ABSENT_UUID,
    "boolean": "false",
    "jsonb": f'"{ABSENT_TEXT}"',
    "interval": "0",
    "time without time zone": "00:00",
    "time with time zone": "00:00+00",
    "money": "0",
    "inet": "0.0.0.0",  # noqa: S104 – no address to listen on
    "cidr": "0.0.0.0/0",
    "macaddr": "00:00:00:00:00:00",
    "macaddr8": "00:00:00:00:00:00:00:00",
    "bytea": "",
    "bit": "0",
    "bit varying": "0",
    "oid": "0",
    '"char"': "0",
    "pg_lsn": "0/0",
}
"""Values of types without statistics, by type."""
BELOW = frozenset(("lt", "lte"))
SEARCHES = frozenset(("fts", "plfts", "phfts", "wfts"))
CONTAINERS = frozenset(("cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"))
"""Operators on arrays, ranges and JSON, of which pg_stats has no values of use."""


class ValueStatistics(Protocol):
    """What pg_stats has of a column; values are texts as Postgres prints them."""

    @property
    def common_values(self) -> tuple[str, ...]:
        """By falling frequency."""

    @property
    def common_frequencies(self) -> tuple[float, ...]:
        """Per common value, the share of rows that have it."""

    @property
    def histogram(self) -> tuple[str, ...]:
        """Bounds of groups of equally many of the other values."""


class FilterParameter(Protocol):
    """What is to be known of a parameter: ``proxy.sql.planned.Parameter``."""

    @property
    def number(self) -> int: ...
    @property
    def table(self) -> tuple[str, str]: ...
    @property
    def column(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def is_array(self) -> bool: ...


class ColumnFacts(msgspec.Struct, frozen=True):
    """The type of a column, as ``format_type`` prints it, and its statistics; None if they were never gathered."""

    type: str
    statistics: ValueStatistics | None = None


FactsOf = Callable[[tuple[str, str], str], ColumnFacts | None]
"""Returns what is known of a column of a relation."""


class ValueSet(msgspec.Struct, frozen=True):
    """Values for all parameters of a statement, by number."""

    label: Label
    values: Mapping[int, str]


class Representatives(msgspec.Struct, frozen=True):
    """The sets, without those that equal an earlier one."""

    sets: tuple[ValueSet, ...]
    constant: tuple[str, ...] = ()
    """Columns whose value was the same in all calls, and was recognised."""
    guessed: tuple[str, ...] = ()
    """Columns without statistics, which have the same made-up value in each set."""
    missing: tuple[str, ...] = ()
    """Those of them for whose type no value is known: the statement cannot be planned."""


def representatives(
    parameters: Sequence[FilterParameter], facts_of: FactsOf, constants: Mapping[int, str] | None = None
) -> Representatives:
    """The sets of values. ``constants`` are the values that were recognised, by parameter."""
    known = constants or {}
    sets: list[ValueSet] = []
    guessed: dict[str, None] = {}
    missing: dict[str, None] = {}
    for label in LABELS:
        values = {}
        for one in parameters:
            facts = facts_of(one.table, one.column)
            value = known.get(one.number)
            if value is None:
                value = _value(one, facts, label)
            if value is None:
                guessed[one.column + one.path] = None
                value = _made_up(one, facts.type if facts else "text")
            if value is None:
                missing[one.column + one.path] = None
            values[one.number] = value or ""
        if all(values != other.values for other in sets):
            sets.append(ValueSet(label, values))
    named = {one.number: one.column + one.path for one in parameters}
    return Representatives(
        tuple(sets), tuple(dict.fromkeys(named[number] for number in known)), tuple(guessed), tuple(missing)
    )


def _value(one: FilterParameter, facts: ColumnFacts | None, label: Label) -> str | None:
    """The value as PostgREST would send it; None without statistics."""
    statistics = None if facts is None else facts.statistics
    if facts is None or statistics is None or not _values(statistics):
        return None
    if one.path or one.operator in SEARCHES | CONTAINERS:
        return None
    several = _several(facts.type, statistics, label, one.operator)
    if one.is_array:
        return _list_text(several)
    value = several[len(several) // 2 if label == "median" else 0]
    if one.operator == "like":
        return value[: max(1, len(value) // 2)] + "%"
    if one.operator == "ilike":
        return "%" + value[len(value) // 4 : max(1, len(value) - len(value) // 4)] + "%"
    return value


def _values(statistics: ValueStatistics) -> tuple[str, ...]:
    return (*statistics.common_values, *statistics.histogram)


def _several(type_name: str, statistics: ValueStatistics, label: Label, operator: str) -> list[str]:
    """Values of that kind, at least one: the first is the most common one, or the median in the middle."""
    if label == "absent":
        return [_absent(type_name, _values(statistics), below=operator in BELOW)]
    if label == "most common":
        return list(_values(statistics)[:LISTED])
    middle = statistics.histogram or statistics.common_values
    begin = max(0, len(middle) // 2 - LISTED // 2)
    return list(middle[begin : begin + LISTED])


def _absent(type_name: str, values: Sequence[str], below: bool) -> str:
    """A value that no row has, as far as the statistics tell: beyond the last one, or before the first one."""
    if type_name in NUMBERS:
        numbers = [int(float(value)) for value in values if value not in ("NaN", "Infinity", "-Infinity")] or [0]
        wanted = min(numbers) - 1 if below else max(numbers) + 1
        bound = {"smallint": 2**15, "integer": 2**31}.get(type_name, 2**63)
        return str(min(max(wanted, -bound), bound - 1))
    if type_name in TIMES:
        return "1900-01-01" if below else "2200-01-01"
    if type_name in TEXTS:
        return "" if below else ABSENT_TEXT
    return ABSENT_UUID if type_name == "uuid" else values[-1]


def _made_up(one: FilterParameter, type_name: str) -> str | None:
    """A value that Postgres accepts for the operator, where nothing is known of the column; None if there is none."""
    if one.operator in CONTAINERS:
        return _made_up_container(type_name)
    if one.operator in SEARCHES:
        return ABSENT_TEXT
    last_arrow = one.path.rpartition("->")[2]
    value = _of_type(type_name)
    if one.path:
        value = ABSENT_TEXT if last_arrow.startswith(">") else f'"{ABSENT_TEXT}"'
    if value is None:
        return None
    if one.operator in ("like", "ilike"):
        value += "%"
    return _list_text([value]) if one.is_array else value


def _made_up_container(type_name: str) -> str | None:
    if type_name.endswith("[]"):
        element = _of_type(type_name[:-2])
        return "{}" if element is None else _list_text([element])
    if type_name in ("json", "jsonb"):
        return f'{{"{ABSENT_TEXT}": 1}}'
    return "empty" if type_name.endswith("range") else _of_type(type_name)


def _of_type(type_name: str) -> str | None:
    """A value of a type; None for one that is not known, such as an enumeration."""
    if type_name in NUMBERS:
        return "0"
    if type_name in TEXTS:
        return ABSENT_TEXT
    return "2200-01-01" if type_name in TIMES else OTHER_VALUES.get(type_name)


def _list_text(values: Sequence[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


# Constants.


def constants(
    parameters: Sequence[FilterParameter],
    params: Sequence[str],
    calls: Sequence[Sequence[int]],
    salt: bytes,
    facts_of: FactsOf,
) -> dict[int, str]:
    """The values that are the same in all ``calls`` and were found again, by parameter.

    ``params`` are those of the fingerprint, ``name=operator.?``; each call has the hashes of its literals, one per
    param. Only values that statistics hold are found: those that many rows have, for which a partial index is made.
    """
    hashed = blake2b(digest_size=8, key=salt)
    found = {}
    for one in parameters:
        facts, place = facts_of(one.table, one.column), _place(one, params)
        if place is None or facts is None or facts.statistics is None or one.is_array:
            continue
        hashes = {call[place] for call in calls if place < len(call)}
        if len(hashes) != 1 or 0 in hashes:
            continue
        (wanted,) = hashes
        value = next((text for text, sent in _spellings(facts.statistics) if _hash(hashed, sent) == wanted), None)
        if value is not None:
            found[one.number] = value
    return found


def _place(one: FilterParameter, params: Sequence[str]) -> int | None:
    """Which of the query's parameters it is; None if several could be."""
    places = []
    for place, param in enumerate(params):
        name, _, shape = param.partition("=")
        if name.endswith(one.column + one.path) and shape.removeprefix("not.") == f"{one.operator}.?":
            rest = name.removesuffix(one.column + one.path)
            places += [place] if not rest or rest.endswith(".") else []
    return places[0] if len(places) == 1 else None


def _spellings(statistics: ValueStatistics) -> Iterator[tuple[str, bytes]]:
    """Each value with the texts that clients may have sent for it."""
    for value in statistics.common_values:
        spelled = {"t": "true", "f": "false"}.get(value, value)
        texts = {value, spelled, quote(value, safe=""), quote(value, safe="!~*'()"), quote_plus(value, safe="*")}
        for text in sorted(texts):
            yield spelled, text.encode()


def _hash(hashed: "blake2b", text: bytes) -> int:
    copy = hashed.copy()
    copy.update(text)
    return int.from_bytes(copy.digest(), "big")
