"""Which roles of the database the callers in a recording have, of whose names it contains hashes."""

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from proxy.schema.access import bypasses
from proxy.schema.snapshot import Database

SUBJECT = "00000000-0000-4000-8000-00000000fa29"
"""The user that made-up claims name; no row belongs to it."""
DEFAULT_ANONYMOUS = "anon"


class Callers(msgspec.Struct, frozen=True):
    """The roles that callers can have."""

    names: tuple[str, ...] = ()
    anonymous: str = ""
    """The role of requests without a token; empty if it is not known."""

    def most_common(self, hashes: Mapping[tuple[bytes, int], int]) -> str:
        """The role that most calls have; empty if it is none of the database. ``hashes`` are calls by key and hash."""
        calls: Counter[str] = Counter()
        for (key, wanted), count in hashes.items():
            texts = ("", *self.names) if wanted and key else ()
            found = (text for text in texts if _hash(key, text) == wanted)
            calls[next((text or self.anonymous for text in found), "")] += count
        return min(calls, key=lambda role: (-calls[role], role), default="")

    def claims(self, role: str) -> Mapping[str, Any]:
        """Made-up claims for a role: requests without a token have none."""
        if not role or role in (self.anonymous, DEFAULT_ANONYMOUS):
            return {}
        return {"sub": SUBJECT, "aud": role, "email": "nobody@example.invalid"}


def callers_of(database: Database) -> Callers:
    """The roles of the API. PostgREST's db-anon-role is known where it is set in the database, or Supabase's."""
    names = tuple(role.name for role in database.roles if role.api or bypasses(role))
    settings = [value for role in database.roles for name, value in role.settings if name == "pgrst.db_anon_role"]
    default = DEFAULT_ANONYMOUS if DEFAULT_ANONYMOUS in names else ""
    return Callers(names, settings[0] if settings else default)


def _hash(key: bytes, text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=key).digest(), "big")
