"""Explains each word that fanin prints about a request: rules, outcomes, reasons, kinds, results, error codes."""

import difflib
from collections.abc import Iterable, Iterator

from proxy.analysis.rule import AnyRule
from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.errors.words import (
    ALONE,
    CALL_KINDS,
    DROP_CAUSES,
    MEMO_RESULTS,
    NEVER_MERGED,
    OUTCOMES,
    RENAMED,
    TRACE_KINDS,
)


class UnknownWordError(ValueError):
    """Unknown word; the message suggests the closest known word, or lists all."""


def meaning(word: str, rules: Iterable[AnyRule]) -> str:
    """The explanation of ``word``, in capitals or not; raises UnknownWordError."""
    texts = meanings(rules)
    word = next((known for known in (word, word.upper(), word.lower()) if known in texts), word)
    if word not in texts:
        near = difflib.get_close_matches(word, texts, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(texts)}"
        raise UnknownWordError(f"'{word}' is not a rule, outcome, reason, kind or error code{hint}")
    return texts[word].rstrip()


def meanings(rules: Iterable[AnyRule]) -> dict[str, str]:
    """The explanation of each known word. A word of several kinds has a paragraph per kind."""
    paragraphs: dict[str, list[str]] = {}
    for word, text in _paragraphs(rules):
        paragraphs.setdefault(word, []).append(text)
    texts = {word: "\n\n".join(own) for word, own in paragraphs.items()}
    return texts | {old: f"'{old}' is now called '{new}'.\n\n{texts[new]}" for old, new in RENAMED.items()}


def _paragraphs(rules: Iterable[AnyRule]) -> Iterator[tuple[str, str]]:
    yield from ((name, rule.document) for rule in rules for name in (rule.code, rule.name))
    yield from ((word, f"Outcome of a request: {text}") for word, text in (OUTCOMES | ALONE).items())
    for word, text in BYPASS_REASONS.items():
        kind = "Passed on" if word in NEVER_MERGED else "Not merged"
        yield word, f"{kind}: {text}\nTo change that: {BYPASS_REMEDIES[word]}"
    for word, text in FALLBACK_REASONS.items():
        yield word, f"Merged answer not used: {text}\nIf it happens often: {FALLBACK_REMEDIES[word]}"
    yield from ((word, f"Kind of an upstream call: {text}") for word, text in CALL_KINDS.items())
    yield from ((word, f"Kind of a trace: {text}") for word, text in TRACE_KINDS.items())
    yield from ((word, f"Read that concerns the memo of its trace: {text}") for word, text in MEMO_RESULTS.items())
    yield from ((word, f"Why what was fetched ahead is dropped: {text}") for word, text in DROP_CAUSES.items())
    yield from ((word, f"Merged answer and original compared: {text}") for word, text in COMPARISON_RESULTS.items())
    yield from ((fault.code, f"{fault.status} {fault.message}. {fault.hint}") for fault in FAULTS.values())
