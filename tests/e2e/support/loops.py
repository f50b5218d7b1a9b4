"""An application that reads a list and then one answer per row, each after the one before: a loop that awaits."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from proxy.observe.events import Event, RequestAnswered, UpstreamCalled
from tests.e2e.support.answer_differences import differences, without_cache_headers
from tests.e2e.support.harness import RawAnswer, RawClient, ask, fanin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proxy.sidecar.sidecar import Sidecar

T = TypeVar("T")
PREFETCH = {
    "rules__fan002": "rewrite",
    "merge__deadline_floor": 10.0,
    "prefetch__max_age": 30.0,
    "trace__quiet_explicit": 30.0,
}
"""Settings of tests that count calls: a busy machine is not what they are about."""
TRACKINGS = "/monthly_tracking?select=*&month=eq.2025-06&order=id&limit={}"
VIDEOS = "/videos?select=*&monthly_tracking_id=eq.{}&order=id"
RUSHES = "/rushes?select=id,file_name&monthly_tracking_id=eq.{}&order=id"
PROFILE = "/creator_payout_profiles?select=*&creator_id=eq.{}"
SINGULAR = "Accept: application/vnd.pgrst.object+json"


class Application:
    """One client with one connection to fanin; afterwards it sends each request to PostgREST at ``direct`` too."""

    def __init__(self, through: RawClient, direct: str, token: str) -> None:
        self.trace = "t1"
        self._through, self._direct, self._token = through, direct, token
        self._asked: list[tuple[bytes, RawAnswer]] = []

    async def get(self, target: str, *lines: str, method: str = "GET") -> RawAnswer:
        """The answer through fanin."""
        request = self._request(method, target, lines)
        answer = await _answer(self._through, request)
        self._asked.append((request, answer))
        return answer

    async def rows(self, target: str, *lines: str) -> list[dict[str, Any]]:
        """The rows of the answer through fanin."""
        found: list[dict[str, Any]] = json.loads((await self.get(target, *lines)).body)
        return found

    async def send(self, method: str, target: str, body: str, *lines: str) -> RawAnswer:
        """The answer to a write through fanin, or to a function."""
        lines = (*lines, "Content-Type: application/json", f"Content-Length: {len(body)}")
        return await _answer(self._through, self._request(method, target, lines) + body.encode())

    async def differences(self) -> list[str]:
        """What differs between the answers so far and those that PostgREST gives now, to the same requests."""
        found = []
        for request, answer in self._asked:
            direct = await ask(self._direct, request)
            if differing := differences(direct, without_cache_headers(answer)):
                found += [request.decode(), *differing]
        self._asked.clear()
        return found

    def _request(self, method: str, target: str, lines: tuple[str, ...]) -> bytes:
        head = (f"{method} {target} HTTP/1.1", "Host: h", f"Authorization: Bearer {self._token}", *lines)
        return "".join(f"{line}\r\n" for line in (*head, f"X-Fanin-Trace: {self.trace}", "")).encode()


async def _answer(client: RawClient, request: bytes) -> RawAnswer:
    await client.send(request)
    return await client.answer(request.partition(b" ")[0])


class Watch:
    """What a fanin did since the last ``reset``."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        self._events: list[Event] = []
        sidecar._events.subscribe(self._events.append)

    def reset(self) -> None:
        """Forget what was done so far."""
        self._events.clear()

    @property
    def calls(self) -> int:
        """Calls upstream, without questions for the type of a column: a running fanin asks once."""
        return sum(count for kind, count in self.calls_by_kind().items() if kind != "types")

    def calls_by_kind(self) -> Counter[str]:
        """Calls upstream, by what they were made for."""
        return Counter(event.kind for event in self._events if isinstance(event, UpstreamCalled))

    def of(self, kind: type[T]) -> list[T]:
        """The events of one kind."""
        return [event for event in self._events if isinstance(event, kind)]

    def outcomes(self) -> Counter[str]:
        """Requests by how they were answered."""
        return Counter(event.span.outcome.value for event in self._answered())

    def saved(self) -> Counter[str]:
        """Requests by the rule that saved their call."""
        return Counter(event.saves for event in self._answered() if event.saves)

    def _answered(self) -> Iterator[RequestAnswered]:
        return (event for event in self._events if isinstance(event, RequestAnswered))

    def keys(self) -> Counter[str]:
        """Keys that were fetched ahead by whether they were asked for, once the traces have closed."""
        self.sidecar.memories.clear(0.0)
        return self.sidecar.memories.counts.keys


@asynccontextmanager
async def application(
    upstream: str, direct: str, token: str, **changes: Any
) -> AsyncIterator[tuple[Application, Watch]]:
    """An application behind a fanin that fetches ahead, and what that fanin does."""
    async with fanin(upstream, **(PREFETCH | changes)) as sidecar, RawClient(sidecar.port) as through:
        yield Application(through, direct, token), Watch(sidecar)
