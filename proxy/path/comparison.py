"""Whether merging answers what PostgREST answers alone: comparing, judging, choosing, pausing (law 1).

A difference alone proves nothing where somebody writes. What counts is an original that stays the same while the
merged answer differs from it, again and again.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from proxy.allowed_differences import TIME_HEADERS, is_compared
from proxy.postgrest.response.gateway import POSTGREST, Gateway

T = TypeVar("T")

MATCH, MISMATCH, UNSTABLE = "match", "mismatch", "unstable"
UNUSABLE, SKIPPED, FAILED = "unusable", "skipped", "failed"
"""The results, each with its text in ``errors.COMPARED``."""

ORIGINALS, MERGED = "originals", "merged"
ROUNDS = (ORIGINALS, MERGED, ORIGINALS, MERGED, ORIGINALS)
"""What is asked for after a difference, in this order: each merged answer has an original before and after it."""


class ComparedAnswer(msgspec.Struct, frozen=True):
    """An answer: status line and header lines, with or without the empty line; body without its framing."""

    head: bytes
    body: bytes


class Exemptions(msgspec.Struct, frozen=True):
    """What law 1 exempts by setting: headers of the gateway in force; under merge.ties = any, the order of rows."""

    gateway: Gateway = POSTGREST
    row_order: bool = False


NO_EXEMPTIONS = Exemptions()
"""Nothing but what the law names."""


def compared_lines(head: bytes, gateway: Gateway = POSTGREST) -> list[bytes]:
    """The header lines that law 1 speaks of, in their order; a clock's and a gateway's line without its value."""
    kept = []
    for line in head.rstrip(b"\r\n").split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        low, value = name.lower(), value.strip()
        if is_compared(low) and not gateway.sets_cookie(low, value) and not gateway.adds_vary(low, value):
            kept.append(name if low in TIME_HEADERS or gateway.adds_header(low) else line)
    return kept


def difference(original: ComparedAnswer, other: ComparedAnswer, exempt: Exemptions = NO_EXEMPTIONS) -> str:
    """Where two answers differ, but for law 1's exceptions; empty when they are the same.

    It names parts, headers, places and lengths, and never a value.
    """
    found = []
    one, two = (heard.head.partition(b"\r\n")[0] for heard in (original, other))
    if one != two:
        found.append(f"status line, {_status(one)} became {_status(two)}")
    lines, others = (compared_lines(heard.head, exempt.gateway) for heard in (original, other))
    if lines != others:
        names = [name for name, values in _lines_by_name(lines).items() if values != _lines_by_name(others).get(name)]
        names += [name for name in _lines_by_name(others) if name not in _lines_by_name(lines)]
        found.append(f"headers {', '.join(sorted(names))}" if names else "the order of headers")
    if original.body != other.body and not (exempt.row_order and _same_rows(original.body, other.body)):
        sizes = f"{len(original.body)} bytes became {len(other.body)}"
        found.append(f"the body from byte {_first_difference(original.body, other.body)} on, {sizes}")
    return "; ".join(found)


def _status(line: bytes) -> str:
    code = line[9:12].decode("ascii", "replace")
    return code if code.isdigit() else "?"


def _lines_by_name(lines: list[bytes]) -> dict[str, list[bytes]]:
    values = defaultdict(list)
    for line in lines:
        values[line.partition(b":")[0].decode("ascii", "backslashreplace")].append(line)
    return values


def _first_difference(one: bytes, two: bytes) -> int:
    """The first place where they differ; the shorter one's length when it begins the longer one."""
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
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return rows == others and len(one) == len(two)


class Comparison:
    """An answer in question: what was heard of it since the merged one first differed from the original."""

    def __init__(self, original: ComparedAnswer, merged: ComparedAnswer, exempt: Exemptions = NO_EXEMPTIONS) -> None:
        self.difference = difference(original, merged, exempt)
        """Where they first differed."""
        self.result = "" if self.difference else MATCH
        """What came of it; empty while that is open."""
        self._original = original
        self._exempt = exempt
        self._rounds_left = len(ROUNDS)

    def add(self, what: str, heard: ComparedAnswer | str) -> None:
        """The next of ``ROUNDS``; a string is the result where nothing could be heard."""
        if isinstance(heard, str):
            self.result = heard
        elif bool(difference(self._original, heard, self._exempt)) != (what == MERGED):
            self.result = UNSTABLE
        else:
            self._rounds_left -= 1
            self.result = "" if self._rounds_left else MISMATCH


def without_compression(forward: bytes) -> bytes:
    """The header lines of a request (each with its CRLF), but for compression: what is compared is the bytes within."""
    lines = [line for line in forward.split(b"\r\n")[:-1] if line.partition(b":")[0].lower() != b"accept-encoding"]
    return b"\r\n".join([*lines, b"Accept-Encoding: identity", b""])


def is_sampled(share: float, drawn: float) -> bool:
    """Whether a batch is among the ``share`` that is compared; ``drawn`` is from [0, 1)."""
    return drawn < share


def choose_answers(answers: Sequence[T], most: int, drawn: float) -> list[T]:
    """At most ``most`` of ``answers``, from a place on that ``drawn``, from [0, 1), tells: each is as likely as any."""
    first = int(drawn * len(answers))
    return [*answers[first:], *answers[:first]][:most]


class ByteBudget:
    """Bytes held for comparison, at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self.reserved = 0
        self._limit = limit

    def reserve(self, size: int) -> bool:
        """Whether there is room for ``size`` bytes more; then they are held."""
        if self.reserved + size > self._limit:
            return False
        self.reserved += size
        return True

    def release(self, size: int) -> None:
        """``size`` bytes are held no more."""
        self.reserved -= size


class MismatchPauses:
    """Fingerprints that were answered wrong: for nobody merged, each time twice as long as the last.

    For as long again after a pause every batch is to be compared. Who was right for ``longest`` begins anew.
    """

    def __init__(self, first: float, longest: float, limit: int) -> None:
        self._first = first
        self._longest = longest
        self._limit = limit
        self._until: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """When the pause ends, and how long it is."""

    def start(self, fingerprint: str, now: float) -> float:
        """A wrong answer: the seconds of the pause that begins; 0 when there is one already."""
        until, length = self._until.get(fingerprint, (float("-inf"), 0.0))
        if now < until:
            return 0.0
        length = self._first if now - until > self._longest else min(self._longest, 2 * length)
        self._until[fingerprint] = now + length, length
        self._until.move_to_end(fingerprint)
        if len(self._until) > self._limit:
            self._until.popitem(last=False)
        return length

    def paused(self, fingerprint: str, now: float) -> bool:
        """Whether it is not merged now."""
        found = self._until.get(fingerprint)
        return found is not None and now < found[0]

    def compares_all(self, fingerprint: str, now: float) -> bool:
        """Whether its pause ended so lately that every batch is compared."""
        found = self._until.get(fingerprint)
        return found is not None and now < found[0] + found[1]

    def count(self, now: float) -> int:
        """How many are not merged now."""
        return sum(now < until for until, _ in self._until.values())
