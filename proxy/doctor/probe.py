"""Asks upstream what a set-up depends on. It only reads, and never more than ``MAX_ROWS_ASKED`` rows of one column.

Tests: tests/e2e/operations/test_doctor.py.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import msgspec

from proxy.doctor.openapi import ServedRelation, served_relations
from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, first_value
from proxy.model import NOT_JSON
from proxy.settings.model import Settings
from proxy.upstream.client import Upstream
from proxy.upstream.facts.discovery import Discovered, discover
from proxy.upstream.messages import UpstreamRequest

ANSWER_TIMEOUT = 10.0
"""Seconds for each answer."""
MAX_DOCUMENT = 20_000_000
"""Bytes of the OpenAPI document."""
MAX_ROWS_ASKED = 20_000
NOT_FOUND = 404
MAX_COUNTED = 12
"""Relations whose planned count is asked for."""
MAX_TRIED = 20
"""Relations that are tried until one may be read."""
REPEATED = 3
"""Equal reads whose headers are compared."""
SCHEMAS = re.compile(r"(?:following:|exposed:) (.+)$")
"""The names of the schemas in PostgREST's error PGRST106: in its message (v12), in its hint (v13)."""
NO_SCHEMA = b"fanin_doctor_no_such_schema"


class ProbedAnswer(msgspec.Struct, frozen=True):
    """An answer of upstream."""

    status: int
    fields: tuple[HeaderField, ...]
    body: bytes
    seconds: float
    skew: float | None
    """Seconds by which upstream's clock is ahead of this machine's; None without a Date header."""

    def value(self, name: bytes) -> str:
        """The first value of a header; empty without one."""
        return (first_value(self.fields, name) or b"").decode("latin-1")

    @property
    def is_postgrests(self) -> bool:
        """Whether PostgREST made it, rather than a gateway or another server."""
        own = self.value(b"server").startswith("postgrest") or "openapi" in self.value(b"content-type")
        return own or b'"PGRST' in self.body[:1000]


class UpstreamFacts(msgspec.Struct, frozen=True):
    """What upstream answered."""

    discovered: Discovered
    root: ProbedAnswer
    is_here: bool
    """Whether PostgREST is at the base."""
    elsewhere: str = ""
    """A path at which PostgREST is, if it is not at the base."""
    schemas: tuple[str, ...] = ()
    """The schemas that it serves, the default first; empty if it does not say."""
    relations: tuple[ServedRelation, ...] = ()
    reads: tuple[ProbedAnswer, ...] = ()
    """Equal reads of one relation."""
    max_rows: int | None = None
    """db-max-rows, if an answer was cut; None if none was."""
    most_rows: int = 0
    """Rows of the longest answer that was not cut."""


async def examine(settings: Settings, lines: Sequence[bytes]) -> UpstreamFacts:
    """Ask upstream, with further header ``lines``. FaultError if it does not answer."""
    upstream = Upstream(settings, time.monotonic)
    try:
        discovered = await discover(settings, upstream)
        if discovered.failure is not None:
            raise discovered.failure
        probe = UpstreamProbe(upstream, discovered.base, lines)
        root = await probe.ask(b"/", b"Accept: application/openapi+json")
        schemas = await probe.schemas()
        # PostgREST itself answers 404 below another path, and at its root if it describes nothing there.
        if not root.is_postgrests or (root.status == NOT_FOUND and not schemas):
            return UpstreamFacts(discovered, root, False, await probe.find_elsewhere())
        relations = served_relations(root.body) if root.status == 200 else []
        reads = await probe.reads(relations)
        max_rows, most = await probe.max_rows(relations) if reads else (None, 0)
        return UpstreamFacts(discovered, root, True, "", schemas, tuple(relations), tuple(reads), max_rows, most)
    finally:
        upstream.close()


class UpstreamProbe:
    """Requests to PostgREST at ``base``."""

    def __init__(self, upstream: Upstream, base: bytes, lines: Sequence[bytes]) -> None:
        self._upstream = upstream
        self._base = base
        self._lines = lines

    async def ask(self, path: bytes, *lines: bytes, method: bytes = b"GET", is_absolute: bool = False) -> ProbedAnswer:
        """The answer to a request. FaultError without an answer within ``ANSWER_TIMEOUT``."""
        target = path if is_absolute else self._base + path
        host = b"Host: " + self._upstream.address.authority
        head = b"\r\n".join([method + b" " + target + b" HTTP/1.1", host, *self._lines, *lines, b"", b""])
        began, sent = time.monotonic(), time.time()
        try:
            async with (
                asyncio.timeout(ANSWER_TIMEOUT),
                self._upstream.send(self._upstream.calls, UpstreamRequest(method, head)) as answer,
            ):
                seconds = time.monotonic() - began
                skew = _skew(first_value(answer.fields, b"date"), sent + seconds / 2)
                body = await answer.read(MAX_DOCUMENT) or b""
                return ProbedAnswer(answer.status, tuple(answer.fields), body, seconds, skew)
        except TimeoutError:
            raise FaultError("FANIN504", f"no answer for {ANSWER_TIMEOUT:g} s") from None

    async def find_elsewhere(self) -> str:
        """A path at which PostgREST is; empty if there is none."""
        for path in (b"/rest/v1/", b"/"):
            try:
                answer = await self.ask(path, is_absolute=True)
            except FaultError:
                continue
            if answer.is_postgrests and answer.status != NOT_FOUND:
                return path.decode()
        return ""

    async def schemas(self) -> tuple[str, ...]:
        """The schemas that PostgREST names when it is asked for one that does not exist."""
        answer = await self.ask(b"/fanin_doctor", b"Accept-Profile: " + NO_SCHEMA)
        try:
            error = msgspec.json.decode(answer.body)
        except NOT_JSON:
            return ()
        if not isinstance(error, dict) or error.get("code") != "PGRST106":
            return ()
        for text in (error.get("hint"), error.get("message")):
            if isinstance(text, str) and (found := SCHEMAS.search(text)):
                return tuple(name.strip() for name in found[1].split(","))
        return ()

    async def reads(self, relations: Sequence[ServedRelation]) -> list[ProbedAnswer]:
        """Equal reads of the first relation that may be read; none if there is none."""
        for relation in relations[:MAX_TRIED]:
            first = await self.ask(_rows(relation, 1))
            if first.status in (200, 206):
                return [first, *[await self.ask(_rows(relation, 1)) for _ in range(REPEATED - 1)]]
        return []

    async def max_rows(self, relations: Sequence[ServedRelation]) -> tuple[int | None, int]:
        """db-max-rows if an answer was cut, and the rows of the longest answer. It reads the largest table only."""
        tables = [relation for relation in relations if relation.primary][:MAX_COUNTED]
        planned = {relation.name: await self._planned(relation) for relation in tables}
        if not planned or not max(planned.values()):
            return None, 0
        largest = max(tables, key=lambda relation: planned[relation.name])
        try:
            rows = _range_size(await self.ask(_rows(largest, MAX_ROWS_ASKED), method=b"HEAD"))
            if not 0 < rows < MAX_ROWS_ASKED:
                return None, rows
            after = await self.ask(_rows(largest, 1) + b"&offset=%d" % rows, method=b"HEAD")
        except FaultError:  # a table that takes so long to read proves nothing
            return None, 0
        return (rows, rows) if _range_size(after) else (None, rows)

    async def _planned(self, relation: ServedRelation) -> int:
        """The number of rows that Postgres expects; 0 if PostgREST does not say."""
        answer = await self.ask(_rows(relation, 0), b"Prefer: count=planned", method=b"HEAD")
        total = answer.value(b"content-range").partition("/")[2]
        return int(total) if total.isdecimal() else 0


def _rows(relation: ServedRelation, limit: int) -> bytes:
    column = next(iter(relation.primary or relation.types), "*")
    return f"/{quote(relation.name, safe='')}?select={quote(column, safe='*')}&limit={limit}".encode()


def _range_size(answer: ProbedAnswer) -> int:
    """The number of rows in ``Content-Range: 0-9/*``."""
    first, _, last = answer.value(b"content-range").partition("/")[0].partition("-")
    return int(last) - int(first) + 1 if first.isdecimal() and last.isdecimal() else 0


def _skew(date: bytes | None, now: float) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date.decode("latin-1")).timestamp() - now
    except ValueError:
        return None
