"""How long a merged call may be where a gateway between fanin and PostgREST refuses long ones.

nginx, for example, has ``large_client_header_buffers`` for requests and ``proxy_buffer_size`` for the heads of answers,
which contain the whole query in ``Content-Location``. The longest call that passes is learned from calls that were
refused and calls that were not. It grows again in small steps, in case the gateway's settings change: now and then one
longer call is tried, and the limit grows once that is accepted.

Source: docs/explanation/architecture.md#long-calls.
"""

from proxy.model import FallbackReason

SHORTEST = 480
"""Bytes of a target that every gateway accepts. A shorter call that fails did not fail because of its length."""
ROOM_FOR_TWO = 150
"""Bytes that a merged call adds to twice an original: the hidden column, the parentheses of the list."""
SAME_SIZE = 0.9
"""Share of the limit from which on a call counts as one that uses it."""
GROW_AFTER = 20
"""Number of such calls after which a longer one is tried."""
GROWTH = 1.5
"""Most by which the limit grows at once."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 3600.0
"""Seconds before the next trial after a longer call was refused; doubled each time."""

CERTAIN = frozenset(("413", "414", "431", "494"))
"""Statuses of a server that refuses a request because it is too long. 494 is nginx's own."""
POSSIBLE = CERTAIN | {"400", "403", "404", "502", "520"}
"""Statuses of a server that may have done so, if the body is not PostgREST's: 400 (nginx), 403 and 404 (firewalls,
IIS), 502 and 520 (nginx, Cloudflare: the head of the answer is too long)."""
BROKEN = "FANIN502"
"""The code of a connection that was closed instead of an answer, which some servers do."""


def may_be_refusal(reason: FallbackReason) -> bool:
    """Whether a merged call that failed for ``reason`` may have failed because of its length."""
    return reason.detail in POSSIBLE if reason.reason == "status" else reason == FallbackReason("connection", BROKEN)


class CallSize:
    """The limit on the bytes of a merged call's target. There is none until a call was refused for its length."""

    def __init__(self) -> None:
        self._limit: int | None = None
        self._refused = 0
        self._full_calls = 0
        self._on_trial = False
        self._wait = FIRST_WAIT
        self._grows_at = 0.0

    def limit(self, configured: int) -> int:
        """The most bytes of a target; ``configured`` is merge.max_url."""
        return configured if self._limit is None else min(configured, self._limit)

    def longer(self, configured: int, now: float) -> int | None:
        """The limit for one call that is longer than the others; None if no trial is due, or one is in progress."""
        due = self._full_calls >= GROW_AFTER and now >= self._grows_at
        if self._limit is None or self._on_trial or not due:
            return None
        longer = min(configured, self._next_limit(self._limit))
        return longer if longer > self._limit else None

    def begin_trial(self) -> None:
        """A call longer than the limit is sent. There is no other until ``end_trial``."""
        self._on_trial = True
        self._full_calls = 0

    def end_trial(self) -> None:
        """That call, and the shorter ones in its place, have ended, whatever came of them."""
        self._on_trial = False

    def shorter(self, refused: int, longest_original: int, status: str) -> list[int]:
        """The limits to try in turn after a call of ``refused`` bytes failed; empty if its length cannot be the reason.

        ``longest_original`` is the longest target of its requests. One limit if ``status``, or the code of the fault,
        is no certain sign.
        """
        certain = status in CERTAIN
        least = max(SHORTEST, 2 * longest_original + ROOM_FOR_TWO)
        if self._limit is not None and self._limit < refused:
            return [self._limit, least] if certain and least < self._limit else [self._limit]
        if refused <= 2 * least:
            return []
        return [refused // 4, least] if certain and refused // 4 > 2 * least else [least]

    def record_refused(self, size: int, accepted: int, now: float) -> bool:
        """A call of ``size`` bytes was refused, and one with the limit ``accepted`` was not. Whether that is news: not
        only the end of a trial of a longer call.

        A call that was planned before the limit was learned says nothing about trials: the next one is not put off.
        """
        news = self._limit is None or accepted < self._limit
        is_late = self._limit is not None and self._limit < size and not self._on_trial
        self._limit = accepted
        if not is_late:
            self._refused = size
            self._full_calls = 0
            self._grows_at = now + self._wait
            self._wait = min(LONGEST_WAIT, 2 * self._wait)
        return news

    def record_accepted(self, size: int) -> None:
        """A call of ``size`` bytes was answered: others may be as long. Those that use the limit bring a trial."""
        if self._limit is None:
            return
        if size > self._limit:
            self._limit = size
        elif size >= SAME_SIZE * self._limit - ROOM_FOR_TWO:
            self._full_calls += 1

    def _next_limit(self, limit: int) -> int:
        """A step up: at most half of the way to the length that was refused, beyond it only if that is close."""
        step, halfway = int(limit * GROWTH), (limit + self._refused) // 2
        return step if halfway <= limit / SAME_SIZE else min(step, halfway)
