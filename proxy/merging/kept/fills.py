"""The kept answers of one fanin (FAN006), and the reads in flight that fill them.

Tests: tests/e2e/cache/test_cache.py.
"""

import asyncio
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING

from proxy.model import PendingRequest, Slice
from proxy.path.kept.answer_cache import AnswerCache, CachedAnswer
from proxy.path.kept.conditions import unconditional
from proxy.path.kept.sharing import Sharing
from proxy.postgrest.names import forms

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from proxy.errors.codes import FaultError
    from proxy.http1.head import HeaderField, StatusLine


class Fill:
    """One read that was sent, whose answer is to be kept, and for which equal reads wait."""

    def __init__(
        self, key: bytes, request: PendingRequest, stamp: CachedAnswer, give_up: "Callable[[Fill], None]"
    ) -> None:
        """``give_up`` is called when the answer is too large to be kept."""
        self.give_up = give_up
        self.key = key
        self.own_key = key
        """That of its identity, where the answer is kept for all (``cache.shared``)."""
        self.request = request
        self.stamp = stamp
        """The answer to keep, still without its bytes."""
        self.slice: Slice | None = None
        """The answer as a merged or shared call gave it."""
        self.line: StatusLine | None = None
        self.fields: Sequence[HeaderField] = ()
        """The head of an answer that is streamed; its body is kept by the request."""
        self.error: FaultError | None = None
        """What the others get too, if it got no answer."""
        self.was_answered = False
        """Whether it got a whole answer, as new as itself."""
        self.failed = False
        """Whether it got another one, or none; both are false if its client disconnected."""
        self.is_refill = False
        """Whether no client waits for it: the answer that it replaces is still used."""
        self.ended = asyncio.Event()


class CachedReads:
    """The kept answers of one fanin, and the reads in flight that fill them. All policies share them."""

    def __init__(self, max_bytes: int) -> None:
        self.answers = AnswerCache(max_bytes)
        self.sharing = Sharing()
        self.fills: dict[bytes, Fill] = {}
        self._refills: set[asyncio.Task[None]] = set()
        self._hash = blake2b(digest_size=32, key=secrets.token_bytes(32))

    def key_of(self, request: PendingRequest) -> bytes:
        """Equal only for requests that are byte-equal in target, identity, and what a gateway may depend on, but for
        the conditions that a kept answer decides.
        """
        own = self._hash.copy()
        target, identity = request.query.target, unconditional(request.head.coalescing_identity)
        own.update(b"%d %b\r\n%b" % (len(target), target, identity))
        return own.digest()

    def shared_key_of(self, request: PendingRequest) -> bytes:
        """The same for requests that differ in Authorization only."""
        own = self._hash.copy()
        lines = unconditional(request.head.coalescing_identity).split(b"\r\n")
        kept = b"\r\n".join([line for line in lines if line[:14].lower() != b"authorization:"])
        own.update(b"shared %d%b\r\n%b" % (len(request.query.target), request.query.target, kept))
        return own.digest()

    def forget(self, relation: str) -> None:
        """Forget the answers that may depend on a relation, given as in ``Query.relation``. Reads in flight do not fill
        them.
        """
        self._forget(frozenset((relation,)))

    def tag_of(self, key: bytes, body: bytes) -> bytes:
        """The weak entity tag of an answer; that of another request differs, so that it says nothing about others."""
        own = self._hash.copy()
        own.update(b"tag %b%b" % (key, body))
        return b'W/"%b"' % own.hexdigest()[:32].encode()

    def start(self, refill: "Coroutine[None, None, None]") -> None:
        """Run a read that no client waits for."""
        task = asyncio.get_running_loop().create_task(refill)
        self._refills.add(task)
        task.add_done_callback(self._refills.discard)

    async def close(self) -> None:
        """Cancel the reads that no client waits for."""
        tasks = tuple(self._refills)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def purge(self, relation: str, schema: str) -> int:
        """Forget the answers that may depend on a relation, which may be named without the first ``schema``. Their
        number. Reads in flight do not fill them.
        """
        return self._forget(frozenset(forms(relation, schema)))

    def _forget(self, names: frozenset[str]) -> int:
        for key, fill in tuple(self.fills.items()):
            if fill.stamp.may_read(names):
                del self.fills[key]
                fill.ended.set()
        return self.answers.purge(names)

    def clear(self) -> None:
        """Forget all answers. Reads in flight do not fill them any more, and nobody new waits for these."""
        self.answers.clear()
        self.sharing.clear()
        for fill in self.fills.values():
            fill.ended.set()
        self.fills.clear()
