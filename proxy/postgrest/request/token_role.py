"""The role that a caller's token names, read without checking the signature: it only tells what to plan reads as.

https://docs.postgrest.org/en/v12/references/auth.html
"""

import base64

import msgspec

from proxy.model import NOT_JSON

ANONYMOUS = ""
"""PostgREST's db-anon-role: requests without a token have it."""


class _Claims(msgspec.Struct):
    role: str | None = None


def token_role(lines: bytes) -> str | None:
    """The claim ``role`` of the bearer token in header ``lines``, else of Supabase's ``apikey``; ANONYMOUS if there is
    neither; None if there is a token without that claim, which PostgREST may read another claim of.
    """
    tokens: dict[bytes, bytes] = {}
    for line in lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() in (b"authorization", b"apikey"):
            tokens.setdefault(name.lower(), value.strip(b" \t"))
    token = tokens.get(b"authorization", tokens.get(b"apikey"))
    return ANONYMOUS if token is None else _role(token)


def _role(token: bytes) -> str | None:
    parts = token.split(b".")
    if len(parts) != 3:
        return None
    try:
        text = base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(text, type=_Claims).role or None
    except (ValueError, *NOT_JSON):
        return None
