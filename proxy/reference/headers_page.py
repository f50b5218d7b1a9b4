"""Generates the page of the request headers in which the callers of one merged call may differ."""

from collections.abc import Iterator

from proxy.path.reading.identity import NEUTRAL
from proxy.postgrest.request.tracing import (
    CALL_WORDS,
    CALLER_WORDS,
    IDEMPOTENCY_KEYS,
    REQUEST_IDS,
    TRACING_HEADERS,
    TRACING_SYSTEMS,
)
from proxy.text.markdown import quoted, table


def headers() -> Iterator[str]:
    """The lines of the page."""
    yield from (
        "# Request headers",
        "",
        "Requests share a call only if their headers are equal, because SQL can read every header. Callers may differ"
        " in the *neutral* headers: `identity.also_neutral` adds names, `identity.not_neutral` removes names, and a `*`"
        " at the end of a name stands for the rest. Request headers that name traces (`trace.headers`) are neutral too,"
        " as is the one that PostgREST's `server-trace-header` names, as soon as an answer has shown it.",
        "",
        "## Neutral: HTTP",
        "",
        ", ".join(_quoted(sorted(NEUTRAL - TRACING_HEADERS))) + ".",
        "",
        "## Neutral: tracing systems",
        "",
    )
    rows = (
        (", ".join([*_quoted(system.headers), *_quoted(prefix + b"*" for prefix in system.prefixes)]), system.name)
        for system in TRACING_SYSTEMS
    )
    yield from table(("headers", "what it is for"), rows)
    yield from (
        "## Part of the identity: request ids and idempotency keys",
        "",
        "SQL reads these ids, for example into an audit log. If SQL in your database does not, name them in"
        " `identity.also_neutral`. When requests share no call because of a header, a warning names it.",
        "",
        ", ".join(_quoted((*REQUEST_IDS, *IDEMPOTENCY_KEYS))) + ".",
        "",
        "## Who made a call",
        "",
        "Findings and inferred traces are about the calls of one caller. Callers differ in a header, but not in those"
        " that only name a call: neutral headers, request ids, idempotency keys, `Date`, and any header whose name has"
        " one of the first words and none of the second. A header in `identity.not_neutral` tells callers apart in any"
        " case. No advice names a header that has one of the second words.",
        "",
        f"- A call: {_words(CALL_WORDS)}.",
        f"- A caller: {_words(CALLER_WORDS)}.",
    )


def _words(words: frozenset[bytes]) -> str:
    return ", ".join(sorted(word.decode() for word in words))


def _quoted(names: Iterator[bytes] | tuple[bytes, ...] | list[bytes]) -> list[str]:
    return [quoted(name.decode()) for name in names]
