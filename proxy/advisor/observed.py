"""Collects from traces what the advisor has to know of each fingerprint, without keeping spans."""

from collections import Counter
from collections.abc import Sequence

from proxy.advisor.advice import ObservedCalls
from proxy.advisor.roles import Callers
from proxy.model import Span, Trace
from proxy.plans.statements import SeenCalls

MOST = 5000
"""Fingerprints that are kept; those that come later are left out."""
MOST_ROLES = 100
"""Roles that are told apart per fingerprint; a token may name any."""


class CallCollector:
    """Calls, time, limit and constant literals by fingerprint."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: dict[str, _Seen] = {}

    def add(self, trace: Trace, salt: bytes) -> None:
        """Count the reads of a trace; ``salt`` is the one of its recording."""
        for span in trace.spans:
            if span.method not in ("GET", "HEAD") or not span.relation or not 200 <= span.status < 300:
                continue
            if span.fingerprint in self._seen or len(self._seen) < self._most:
                self._seen.setdefault(span.fingerprint, _Seen()).add(span, salt)

    def observed(self, callers: Callers | None = None) -> Sequence[ObservedCalls]:
        """What was collected, by fingerprint; each for the role that most of its calls have, if it is known."""
        callers = callers or Callers()
        return [seen.calls_of(fingerprint, callers) for fingerprint, seen in sorted(self._seen.items())]


class _Seen:
    def __init__(self) -> None:
        self.calls = 0
        self.counted = 0
        self.seconds = 0.0
        self.bounds: Counter[tuple[int | None, int]] = Counter()
        self.literals: list[int] | None = None
        """Hashes that were the same in all calls; 0 for the others."""
        self.salts: set[bytes] = set()
        self.roles: Counter[tuple[bytes, int]] = Counter()

    def add(self, span: Span, salt: bytes) -> None:
        self.calls += 1
        self.counted += span.total >= 0
        self.seconds += span.end - span.start
        if len(self.bounds) < MOST or (span.limit, span.offset) in self.bounds:
            self.bounds[span.limit, span.offset] += 1
        self.salts.add(salt)
        if len(self.roles) < MOST_ROLES or (salt, span.role) in self.roles:
            self.roles[salt, span.role] += 1
        if self.literals is None:
            self.literals = list(span.literals)
        elif len(self.literals) == len(span.literals):
            self.literals = [old if old == new else 0 for old, new in zip(self.literals, span.literals, strict=True)]
        else:
            self.literals = []

    def calls_of(self, fingerprint: str, callers: Callers) -> ObservedCalls:
        ((limit, offset), _), *_ = self.bounds.most_common(1)
        salt = next(iter(self.salts)) if len(self.salts) == 1 else b""  # hashes of two runs cannot be compared
        prefers = ("count=exact",) if self.counted * 2 > self.calls else ()
        seen = SeenCalls(fingerprint, limit, offset, prefers, (tuple(self.literals or ()),), salt)
        role = callers.most_common(self.roles)
        return ObservedCalls(seen, self.calls, self.seconds, role, callers.claims(role))
