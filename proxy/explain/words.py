"""Explains a rule, a bypass reason, a fallback reason, a comparison result or an error code."""

import difflib
from collections.abc import Iterable

from proxy.analysis.rule import AnyRule
from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES


class UnknownWordError(ValueError):
    """Unknown word; the message suggests the closest known word, or lists all."""


def meaning(word: str, rules: Iterable[AnyRule]) -> str:
    """The explanation of ``word``; raises UnknownWordError."""
    texts = meanings(rules)
    if word not in texts:
        near = difflib.get_close_matches(word, texts, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(texts)}"
        raise UnknownWordError(f"'{word}' is not a rule, reason or error code{hint}")
    return texts[word].rstrip()


def meanings(rules: Iterable[AnyRule]) -> dict[str, str]:
    """The explanation of each known word."""
    texts = {name: rule.document for rule in rules for name in (rule.code, rule.name)}
    texts |= {
        word: f"Not merged: {text}\nTo change that: {BYPASS_REMEDIES[word]}" for word, text in BYPASS_REASONS.items()
    }
    for word, text in FALLBACK_REASONS.items():
        both = f"{texts[word]}\n\n" if word in texts else ""  # a few words are reasons of both kinds
        texts[word] = f"{both}Merged answer not used: {text}\nIf it happens often: {FALLBACK_REMEDIES[word]}"
    texts |= {word: f"Merged answer and original compared: {text}" for word, text in COMPARISON_RESULTS.items()}
    return texts | {fault.code: f"{fault.status} {fault.message}. {fault.hint}" for fault in FAULTS.values()}
