"""Compares merged answers with the answers that PostgREST gives alone, and pauses merging after a mismatch.

One difference proves nothing, because another client may have written to the rows. A mismatch is a merged answer that
differs from the original several times while the original stays the same.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from proxy.allowed_differences import TIME_HEADERS, is_compared
from proxy.bounded_table import MAX_BYTES, BoundedTable
from proxy.model import NOT_JSON
from proxy.postgrest.response.gateway import POSTGREST, Gateway

T = TypeVar("T")

MATCH, MISMATCH, UNSTABLE = "match", "mismatch", "unstable"
UNUSABLE, SKIPPED, FAILED = "unusable", "skipped", "failed"
"""The results of a comparison; their texts are in ``errors.codes.COMPARISON_RESULTS``."""

ORIGINALS, MERGED = "originals", "merged"
ROUNDS = (ORIGINALS, MERGED, ORIGINALS, MERGED, ORIGINALS)
"""The calls after a first difference, in this order: an original is read before and after each merged answer."""


class ComparedAnswer(msgspec.Struct, frozen=True):
    """An answer. ``head`` is the status line and the header lines, with or without the empty line; ``body`` is
    without framing.
    """

    head: bytes
    body: bytes


class Exemptions(msgspec.Struct, frozen=True):
    """Allowed differences that depend on settings: headers of the gateway in force, and the order of rows
    (``merge.ties = any``).
    """

    gateway: Gateway = POSTGREST
    row_order: bool = False


NO_EXEMPTIONS = Exemptions()
"""Only the differences that ``proxy.allowed_differences`` always allows."""


def reordered(exempt: Exemptions) -> Exemptions:
    """``exempt``, and the order of rows as well."""
    return msgspec.structs.replace(exempt, row_order=True)


def compared_lines(head: bytes, gateway: Gateway = POSTGREST) -> list[bytes]:
    """The header lines to compare, in their order. Time headers and the gateway's headers are without their value."""
    lines = []
    for line in head.rstrip(b"\r\n").split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        lower, value = name.lower(), value.strip()
        if is_compared(lower) and not gateway.sets_cookie(lower, value) and not gateway.adds_vary(lower, value):
            lines.append(name if lower in TIME_HEADERS or gateway.adds_header(lower) else line)
    return lines


def difference(original: ComparedAnswer, other: ComparedAnswer, exempt: Exemptions = NO_EXEMPTIONS) -> str:
    """Describe where two answers differ, apart from allowed differences; empty if they do not.

    The text contains header names, positions and lengths, and never a value.
    """
    texts = []
    one, two = (answer.head.partition(b"\r\n")[0] for answer in (original, other))
    if one != two:
        texts.append(f"status line, {_status(one)} became {_status(two)}")
    lines, others = (compared_lines(answer.head, exempt.gateway) for answer in (original, other))
    if lines != others:
        names = [name for name, values in _lines_by_name(lines).items() if values != _lines_by_name(others).get(name)]
        names += [name for name in _lines_by_name(others) if name not in _lines_by_name(lines)]
        texts.append(f"headers {', '.join(sorted(names))}" if names else "the order of headers")
    if original.body != other.body and not (exempt.row_order and _same_rows(original.body, other.body)):
        sizes = f"{len(original.body)} bytes became {len(other.body)}"
        texts.append(f"the body from byte {_first_difference(original.body, other.body)} on, {sizes}")
    return "; ".join(texts)


def _status(line: bytes) -> str:
    code = line[9:12].decode("ascii", "replace")
    return code if code.isdigit() else "?"


def _lines_by_name(lines: list[bytes]) -> dict[str, list[bytes]]:
    values = defaultdict(list)
    for line in lines:
        values[line.partition(b":")[0].decode("ascii", "backslashreplace")].append(line)
    return values


def _first_difference(one: bytes, two: bytes) -> int:
    """Index of the first different byte; the length of the shorter one if the other begins with it."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_rows(one: bytes, two: bytes) -> bool:
    try:
        rows, others = (sorted(map(bytes, msgspec.json.decode(body, type=list[msgspec.Raw]))) for body in (one, two))
    except NOT_JSON:
        return False
    return rows == others and len(one) == len(two)


class Comparison:
    """The comparison of one merged answer with its original, over several calls if they differ."""

    def __init__(self, original: ComparedAnswer, merged: ComparedAnswer, exempt: Exemptions = NO_EXEMPTIONS) -> None:
        self.difference = difference(original, merged, exempt)
        """Where they differed at first."""
        self.is_reordered = bool(self.difference) and not difference(original, merged, reordered(exempt))
        """Whether they differed in the order of rows only."""
        self.result = "" if self.difference else MATCH
        """The result; empty while ``ROUNDS`` is not finished."""
        self._original = original
        self._exempt = exempt
        self._rounds_left = len(ROUNDS)

    def add(self, kind: str, answer: ComparedAnswer | str) -> None:
        """Add the answer of the next of ``ROUNDS``; a string is the result if there is no answer."""
        if isinstance(answer, str):
            self.result = answer
        elif bool(difference(self._original, answer, self._exempt)) != (kind == MERGED):
            self.result = UNSTABLE
        else:
            self._rounds_left -= 1
            self.result = "" if self._rounds_left else MISMATCH


def without_compression(forward: bytes) -> bytes:
    """The header lines of a request (each with its CRLF), changed to ask for an answer without compression."""
    lines = [line for line in forward.split(b"\r\n")[:-1] if line.partition(b":")[0].lower() != b"accept-encoding"]
    return b"\r\n".join([*lines, b"Accept-Encoding: identity", b""])


def is_sampled(share: float, random: float) -> bool:
    """Whether a batch belongs to the ``share`` that is compared; ``random`` is a random number from [0, 1)."""
    return random < share


def choose_answers(answers: Sequence[T], limit: int, random: float) -> list[T]:
    """At most ``limit`` of ``answers``, each with equal probability; ``random`` is a random number from [0, 1)."""
    first = int(random * len(answers))
    return [*answers[first:], *answers[:first]][:limit]


class ByteBudget:
    """Counter of the bytes stored for comparison, at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self.reserved = 0
        self._limit = limit

    def reserve(self, size: int) -> bool:
        """Reserve ``size`` bytes. Returns False, and reserves nothing, if they exceed the limit."""
        if self.reserved + size > self._limit:
            return False
        self.reserved += size
        return True

    def release(self, size: int) -> None:
        """Give ``size`` reserved bytes back."""
        self.reserved -= size


class MismatchPauses:
    """Fingerprints that are not merged for any caller after a mismatch; each pause is twice as long as the last.

    After a pause every batch is compared for the same time again. A fingerprint without a mismatch for ``longest``
    seconds after its pause starts again with ``first`` seconds.
    """

    def __init__(self, first: float, longest: float, limit: int, max_bytes: int = MAX_BYTES) -> None:
        self._first = first
        self._longest = longest
        self.table: BoundedTable[str, tuple[float, float]] = BoundedTable(limit, max_bytes)
        """Per fingerprint, the end and the length of its pause."""

    def start(self, fingerprint: str, now: float) -> float:
        """Start a pause after a mismatch. Returns its length in seconds; 0 if a pause is running."""
        until, length = self.table.get(fingerprint) or (float("-inf"), 0.0)
        if now < until:
            return 0.0
        length = self._first if now - until > self._longest else min(self._longest, 2 * length)
        self.table.put(fingerprint, (now + length, length), len(fingerprint))
        return length

    def paused(self, fingerprint: str, now: float) -> bool:
        """Whether the merging of ``fingerprint`` is paused."""
        pause = self.table.get(fingerprint)
        return pause is not None and now < pause[0]

    def compares_all(self, fingerprint: str, now: float) -> bool:
        """Whether every batch of ``fingerprint`` is compared, because of a recent pause."""
        pause = self.table.get(fingerprint)
        return pause is not None and now < pause[0] + pause[1]

    def count(self, now: float) -> int:
        """Number of fingerprints whose merging is paused."""
        return sum(now < until for until, _ in self.table.values())
